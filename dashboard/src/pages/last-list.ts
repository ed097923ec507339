// Remembers the list of cases that was left last, for the way back.

let last = '#/cases';

export function rememberList(href: string): void {
  last = href;
}

export function lastList(): string {
  return last;
}
