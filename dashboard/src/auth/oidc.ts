// Signs in at the firm's issuer: OpenID Connect, authorization code with PKCE. Tokens stay in memory.
import { isObject, Problem } from '../api/problem';
import type { OidcConfig } from './config';
import { challengeOf, claimsOf, makeProof, type Proof } from './pkce';
import { endsAfter, Session, type Tokens } from './session';

/** What of the browser is used, so that tests can stand in for it. */
export interface Surroundings {
  fetch: (input: string, init?: RequestInit) => Promise<Response>;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** The address of the page. */
  here: () => URL;
  /** Leaves for another address. */
  leave: (address: string) => void;
  /** Shows another address for this page. */
  rewrite: (address: string) => void;
  /** Waits until the page is looked at. */
  seen: () => Promise<void>;
  now: () => number;
}

interface Discovered {
  authorization: string;
  token: string;
  endSession: string | undefined;
}

/** Kept for this tab while the reader is at the issuer; it goes with the answer. */
interface Waiting extends Proof {
  hash: string;
}

const WAITING_KEY = 'moodbridge.sign-in';
const SIGNED_OUT_KEY = 'moodbridge.signed-out';
/** Parameters that an issuer may bring back. */
const ANSWER_NAMES = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri', 'session_state'];

const browser: Surroundings = {
  fetch: (input, init) => fetch(input, init),
  get storage() {
    return sessionStorage;
  },
  here: () => new URL(location.href),
  leave: (address) => location.assign(address),
  rewrite: (address) => history.replaceState(null, '', address),
  seen: () => new Promise((seen) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', look);
      seen();
    };
    document.addEventListener('visibilitychange', look);
    look();
  }),
  now: Date.now,
};

export class OidcSignIn {
  readonly #config: OidcConfig;
  readonly #clientId: string;
  readonly #out: Surroundings;
  #discovered: Promise<Discovered> | undefined;

  constructor(config: OidcConfig, surroundings: Surroundings = browser) {
    if (config.client_id === null) {
      throw new Problem(
        0, 'The dashboard has no client at the issuer',
        `MoodBridge takes tokens of ${config.issuer}, but its settings do not say as which client this page signs in. `
        + 'Register a public client there and name it as `identity.dashboard_client_id` in moodbridge.toml.',
      );
    }
    this.#config = config;
    this.#clientId = config.client_id;
    this.#out = surroundings;
  }

  /** Returns a session when the reader just came back from the issuer; `undefined` when nothing is under way. */
  async finish(): Promise<Session | undefined> {
    const here = this.#out.here();
    const answer = here.searchParams;
    if (!answer.has('state') || !(answer.has('code') || answer.has('error'))) return undefined;
    const waiting = this.#takeWaiting();
    // The code has no place in the history, nor in what a reader may copy.
    for (const name of ANSWER_NAMES) here.searchParams.delete(name);
    here.hash = waiting?.hash ?? here.hash;
    const given = new URLSearchParams(this.#out.here().search);
    this.#out.rewrite(here.href);
    if (waiting === undefined || given.get('state') !== waiting.state) {
      throw new Problem(0, 'This sign-in was not begun here', 'It may have been begun in another tab, or long ago. Sign in again.');
    }
    const from = given.get('iss');
    if (from !== null && from !== this.#config.issuer) {
      throw new Problem(0, 'The answer came from another issuer', `\`${from}\` answered, \`${this.#config.issuer}\` was asked.`);
    }
    const error = given.get('error');
    if (error !== null) throw refusal(error, given.get('error_description'));
    const tokens = await this.#askForTokens({
      grant_type: 'authorization_code', code: given.get('code') ?? '', redirect_uri: this.#redirectUri(), code_verifier: waiting.verifier,
    });
    this.#checkIdToken(tokens.idToken, waiting.nonce);
    return new Session(tokens, (was) => this.#renew(was), this.#out.now);
  }

  /** Leaves for the issuer; what comes back is read by `finish`. */
  async begin(): Promise<never> {
    const { authorization } = await this.#discover();
    const proof = makeProof();
    const address = new URL(authorization);
    const question: Record<string, string> = {
      response_type: 'code', client_id: this.#clientId, redirect_uri: this.#redirectUri(), scope: this.#config.scopes.join(' '),
      state: proof.state, nonce: proof.nonce, code_challenge: await challengeOf(proof.verifier), code_challenge_method: 'S256',
    };
    if (this.#config.audience !== null) question['audience'] = this.#config.audience;
    for (const [name, value] of Object.entries(question)) address.searchParams.set(name, value);
    const waiting: Waiting = { ...proof, hash: this.#out.here().hash };
    this.#out.storage.setItem(WAITING_KEY, JSON.stringify(waiting));
    this.#out.storage.removeItem(SIGNED_OUT_KEY);
    this.#out.leave(address.href);
    return new Promise<never>(() => undefined);
  }

  /** Whether the reader signed out in this tab and did not come back since. */
  get isSignedOut(): boolean {
    return this.#out.storage.getItem(SIGNED_OUT_KEY) !== null;
  }

  /** Forgets the tokens, and ends the session at the issuer where it offers that. */
  async signOut(tokens: Tokens): Promise<void> {
    this.#out.storage.setItem(SIGNED_OUT_KEY, '1');
    const { endSession } = await this.#discover().catch(() => ({ endSession: undefined }));
    if (endSession === undefined) return this.#out.leave(this.#redirectUri());
    const address = new URL(endSession);
    address.searchParams.set('client_id', this.#clientId);
    address.searchParams.set('post_logout_redirect_uri', this.#redirectUri());
    if (tokens.idToken !== undefined) address.searchParams.set('id_token_hint', tokens.idToken);
    this.#out.leave(address.href);
  }

  async #renew(was: Tokens): Promise<Tokens> {
    if (was.refresh === undefined) return this.#beginOnceSeen();
    try {
      const tokens = await this.#askForTokens({ grant_type: 'refresh_token', refresh_token: was.refresh });
      return { ...tokens, refresh: tokens.refresh ?? was.refresh, idToken: tokens.idToken ?? was.idToken };
    } catch (thrown) {
      // A refresh token that ended is no fault: the issuer is asked anew, mostly without a page.
      if (thrown instanceof Problem && thrown.status === 400) return this.#beginOnceSeen();
      throw thrown;
    }
  }

  /** A tab in the background is not sent to the issuer: it waits until somebody looks at it. */
  async #beginOnceSeen(): Promise<never> {
    await this.#out.seen();
    return this.begin();
  }

  async #askForTokens(form: Record<string, string>): Promise<Tokens> {
    const { token } = await this.#discover();
    const body = new URLSearchParams({ ...form, client_id: this.#clientId });
    const response = await this.#ask(token, { method: 'POST', body });
    const answer: unknown = await response.json().catch(() => undefined);
    if (!response.ok) {
      const error = isObject(answer) ? String(answer['error'] ?? '') : '';
      throw refusal(error, isObject(answer) && typeof answer['error_description'] === 'string' ? answer['error_description'] : null, response.status);
    }
    if (!isObject(answer) || typeof answer['access_token'] !== 'string') {
      throw new Problem(0, 'The issuer gave no token', 'Its answer holds no `access_token`.');
    }
    const text = (name: string): string | undefined => (typeof answer[name] === 'string' ? answer[name] : undefined);
    return {
      access: answer['access_token'], expiresAt: endsAfter(answer['expires_in'], this.#out.now()),
      refresh: text('refresh_token'), idToken: text('id_token'),
    };
  }

  /** The token came straight from the issuer over its own connection: what is left is that it answers our question. */
  #checkIdToken(idToken: string | undefined, nonce: string): void {
    const claims = claimsOf(idToken ?? '');
    const audience = claims?.['aud'];
    const isOurs = audience === this.#clientId || (Array.isArray(audience) && audience.includes(this.#clientId));
    if (claims === undefined || claims['nonce'] !== nonce || claims['iss'] !== this.#config.issuer || !isOurs) {
      throw new Problem(0, 'The identity token does not answer this sign-in', 'It is missing, or meant for another client or another time. Sign in again.');
    }
  }

  #discover(): Promise<Discovered> {
    this.#discovered ??= this.#readDiscovery().catch((thrown: unknown) => {
      this.#discovered = undefined;
      throw thrown;
    });
    return this.#discovered;
  }

  async #readDiscovery(): Promise<Discovered> {
    const { issuer } = this.#config;
    const response = await this.#ask(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    const body: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
    if (!isObject(body) || typeof body['authorization_endpoint'] !== 'string' || typeof body['token_endpoint'] !== 'string') {
      throw new Problem(response.ok ? 0 : response.status, 'The issuer does not say where to sign in', `There is no discovery document below \`${issuer}\`.`);
    }
    if (body['issuer'] !== issuer) {
      throw new Problem(0, 'The issuer calls itself differently', `The settings name \`${issuer}\`, its document says \`${String(body['issuer'])}\`.`);
    }
    const endSession = body['end_session_endpoint'];
    return {
      authorization: body['authorization_endpoint'], token: body['token_endpoint'],
      endSession: typeof endSession === 'string' ? endSession : undefined,
    };
  }

  async #ask(address: string, init?: RequestInit): Promise<Response> {
    try {
      return await this.#out.fetch(address, init);
    } catch {
      const { host } = new URL(address);
      throw new Problem(0, 'The issuer cannot be reached', `${host} does not answer, or does not let pages of ${this.#out.here().origin} ask (CORS).`);
    }
  }

  /** The root of the page: the one address to register at the issuer. */
  #redirectUri(): string {
    const here = this.#out.here();
    return new URL('./', here.origin + here.pathname).href;
  }

  #takeWaiting(): Waiting | undefined {
    const text = this.#out.storage.getItem(WAITING_KEY);
    this.#out.storage.removeItem(WAITING_KEY);
    try {
      const it: unknown = JSON.parse(text ?? 'null');
      return isObject(it) && typeof it['state'] === 'string' ? (it as unknown as Waiting) : undefined;
    } catch {
      return undefined;
    }
  }
}

const WORDS: Record<string, string> = {
  access_denied: 'You were not signed in',
  login_required: 'You were not signed in',
  invalid_scope: 'The issuer does not know what was asked for',
  invalid_client: 'The issuer does not know this dashboard',
  unauthorized_client: 'The issuer does not let this dashboard sign people in',
  invalid_grant: 'The sign-in took too long, or was used before',
  server_error: 'The issuer has a fault',
  temporarily_unavailable: 'The issuer is too busy',
};

function refusal(error: string, description: string | null, status = 0): Problem {
  const said = description === null ? '' : `The issuer says: ${description}. `;
  const code = error === '' ? '' : ` (\`${error}\`)`;
  return new Problem(status, WORDS[error] ?? 'The issuer refused the sign-in', `${said}Try again, or ask whoever keeps the sign-in${code}.`);
}
