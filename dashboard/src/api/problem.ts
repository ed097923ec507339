// What went wrong with a request, in words that can be shown.
import type { FieldProblem } from './types';

/** A request that got no good answer: an RFC 9457 problem, or no answer at all. */
export class Problem extends Error {
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly FieldProblem[];

  constructor(status: number, title: string, detail: string, errors: readonly FieldProblem[] = []) {
    super(detail === '' ? title : `${title}: ${detail}`);
    this.name = 'Problem';
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
  }

  /** Turns whatever was thrown into a problem. */
  static from(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    return new Problem(0, 'Something went wrong on this page', detail);
  }

  /** Reads the problem out of an answer, whatever its body is. */
  static async read(response: Response): Promise<Problem> {
    const fallback = response.statusText === '' ? `The server answered ${response.status}` : response.statusText;
    const text = await response.text().catch(() => '');
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      const plain = text.length <= 200 && !text.trimStart().startsWith('<') ? text.trim() : '';
      return new Problem(response.status, fallback, plain);
    }
    if (!isObject(body)) return new Problem(response.status, fallback, '');
    const errors = Array.isArray(body['errors']) ? body['errors'].filter(isFieldProblem) : [];
    return new Problem(response.status, textOf(body['title']) ?? fallback, textOf(body['detail']) ?? '', errors);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return isObject(value) && typeof value['field'] === 'string' && typeof value['message'] === 'string';
}

const TITLES: Record<number, string> = {
  401: 'Your sign-in is not accepted',
  403: 'You may not do this',
};

/** Names a problem in words that fit a reader rather than a protocol. */
export function titleOf(problem: Problem): string {
  return TITLES[problem.status] ?? problem.title;
}

/** Says what a reader can do about a problem, beyond what its detail says. */
export function adviceOn(problem: Problem): string | undefined {
  switch (problem.status) {
    case 401:
      return 'Sign in again. If that does not help, ask whoever keeps the sign-in.';
    case 403:
      return 'Ask an administrator for a role that allows it.';
    case 409:
    case 412:
      return 'Somebody else was faster. Read it again, then decide.';
    case 429:
      return 'That was too often. Wait a moment, then try again.';
    case 503:
      return 'This mostly passes by itself. Wait a moment, then try again.';
    default:
      return undefined;
  }
}
