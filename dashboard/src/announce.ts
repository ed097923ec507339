// Says a sentence to screen readers, politely.

/** Puts `text` into the page's live region; the same text twice is said twice. */
export function announce(text: string): void {
  const region = document.getElementById('announcer');
  if (region === null) return;
  region.textContent = '';
  setTimeout(() => {
    region.textContent = text;
  }, 50);
}
