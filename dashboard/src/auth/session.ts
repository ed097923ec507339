// Holds the token, in memory only, and renews it once for all who need a new one.
import { Problem } from '../api/problem';

export interface Tokens {
  access: string;
  /** In milliseconds since 1970, by this machine's clock. */
  expiresAt: number;
  refresh?: string | undefined;
  idToken?: string | undefined;
}

/** Gets new tokens in place of `was`; one that leaves the page for the issuer never answers. */
export type Renew = (was: Tokens) => Promise<Tokens>;

/** A token is renewed this long before it ends. */
const AHEAD_MS = 60_000;
/** A token that is refused so soon after it was given would be refused again. */
const FRESH_FOR_MS = 10_000;

export class Session {
  #tokens: Tokens;
  #gotAt: number;
  #renewing: Promise<Tokens> | undefined;
  readonly #renew: Renew;
  readonly #now: () => number;

  constructor(first: Tokens, renew: Renew, now: () => number = Date.now) {
    this.#tokens = first;
    this.#renew = renew;
    this.#now = now;
    this.#gotAt = now();
  }

  get tokens(): Tokens {
    return this.#tokens;
  }

  /** Returns a token that still holds for a while. */
  async token(): Promise<string> {
    const { access, expiresAt } = this.#tokens;
    const life = expiresAt - this.#gotAt;
    // A token of a minute or two is used for most of its life too.
    if (this.#now() < expiresAt - Math.min(AHEAD_MS, life / 4)) return access;
    try {
      return (await this.#renewOnce()).access;
    } catch (thrown) {
      // While the issuer is away, the token that still holds is used on.
      if (this.#now() < expiresAt) return access;
      throw thrown;
    }
  }

  /** Returns another token than `refused`; `undefined` when a new one would be refused as well. */
  async replace(refused: string): Promise<string | undefined> {
    if (this.#tokens.access !== refused && this.#renewing === undefined) return this.#tokens.access;
    if (this.#renewing === undefined && this.#now() - this.#gotAt < FRESH_FOR_MS) return undefined;
    return (await this.#renewOnce()).access;
  }

  #renewOnce(): Promise<Tokens> {
    this.#renewing ??= this.#renew(this.#tokens).then((tokens) => {
      this.#tokens = tokens;
      this.#gotAt = this.#now();
      return tokens;
    }, (thrown: unknown) => {
      throw Problem.from(thrown);
    }).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }
}

/** Says when a token ends that holds for `seconds` from now; one that does not say is taken to hold five minutes. */
export function endsAfter(seconds: unknown, now: number): number {
  const holds = Number(seconds);
  return now + (Number.isFinite(holds) && holds > 0 ? holds : 300) * 1_000;
}
