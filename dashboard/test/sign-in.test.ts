// Signing in at an issuer, local tokens, and renewing: once for all, before the end and after a refusal.
import { describe, expect, it, vi } from 'vitest';
import { Problem } from '../src/api/problem';
import { loadAuthConfig, type OidcConfig } from '../src/auth/config';
import { signInLocally } from '../src/auth/local';
import { OidcSignIn, type Surroundings } from '../src/auth/oidc';
import { base64url, challengeOf, claimsOf, makeProof } from '../src/auth/pkce';
import { Session, type Tokens } from '../src/auth/session';

const ISSUER = 'https://id.example/firm';
const CONFIG: OidcConfig = { mode: 'oidc', issuer: ISSUER, client_id: 'dash', audience: 'https://api.example', scopes: ['openid', 'profile'] };

const json = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status });
const jwt = (claims: object): string => `h.${base64url(new TextEncoder().encode(JSON.stringify(claims)))}.s`;

/** A browser whose issuer answers the token endpoint by `tokens`. */
function browserWith(tokens: (form: URLSearchParams) => Response) {
  const kept = new Map<string, string>();
  const left: string[] = [];
  const asked: URLSearchParams[] = [];
  let here = 'https://dash.example/#/cases?search=doe';
  const out: Surroundings = {
    fetch: async (address, init) => {
      if (address.endsWith('openid-configuration')) {
        return json({ issuer: ISSUER, authorization_endpoint: `${ISSUER}/auth`, token_endpoint: `${ISSUER}/token`, end_session_endpoint: `${ISSUER}/end` });
      }
      const form = new URLSearchParams(String(init?.body));
      asked.push(form);
      return tokens(form);
    },
    storage: { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => void kept.set(name, value), removeItem: (name) => void kept.delete(name) },
    here: () => new URL(here),
    leave: (address) => void left.push(address),
    rewrite: (address) => { here = address; },
    seen: async () => undefined,
    now: () => 1_000_000,
  };
  const leaveAndReturn = async (signIn: OidcSignIn, answer: Record<string, string>): Promise<URLSearchParams> => {
    void signIn.begin();
    await vi.waitFor(() => expect(left.length).toBeGreaterThan(0));
    const question = new URL(left.at(-1) ?? '').searchParams;
    here = `https://dash.example/?${new URLSearchParams({ state: question.get('state') ?? '', ...answer })}`;
    return question;
  };
  return { out, left, asked, kept, leaveAndReturn, here: () => here, goTo: (address: string) => { here = address; } };
}

async function problemOf(answer: Promise<unknown>): Promise<Problem> {
  const thrown: unknown = await answer.then(() => undefined, (it: unknown) => it);
  expect(thrown).toBeInstanceOf(Problem);
  return thrown as Problem;
}

describe('PKCE', () => {
  it('challenge is that of the example in RFC 7636, appendix B', async () => {
    expect(await challengeOf('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
  });

  it('texts are long, fit into an address, and are never the same twice', () => {
    const all = Array.from({ length: 50 }, makeProof).flatMap((it) => [it.verifier, it.state, it.nonce]);
    expect(new Set(all).size).toBe(150);
    expect(all.every((it) => /^[\w-]{43}$/.test(it))).toBe(true);
  });

  it('claims are read as UTF-8, and a text that is no token has none', () => {
    expect(claimsOf(jwt({ name: 'Łukasz Müller' }))).toEqual({ name: 'Łukasz Müller' });
    expect(claimsOf('opaque')).toBeUndefined();
  });
});

describe('signing in at an issuer', () => {
  it('question carries challenge, state, nonce and audience, and the verifier stays here', async () => {
    const { out, left, kept } = browserWith(() => json({}));
    void new OidcSignIn(CONFIG, out).begin();
    await vi.waitFor(() => expect(left).toHaveLength(1));
    const asked = new URL(left[0] ?? '').searchParams;
    const { verifier } = JSON.parse([...kept.values()][0] ?? '') as { verifier: string };
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code', client_id: 'dash', redirect_uri: 'https://dash.example/', scope: 'openid profile',
      audience: 'https://api.example', code_challenge_method: 'S256', code_challenge: await challengeOf(verifier),
    });
    expect(left[0]).not.toContain(verifier);
  });

  it('code becomes tokens, the page it was, and an address without the code', async () => {
    let nonce = '';
    const { out, asked, kept, here, leaveAndReturn } = browserWith(() => json({
      access_token: 'a-1', expires_in: 300, refresh_token: 'r-1', id_token: jwt({ iss: ISSUER, aud: 'dash', nonce }),
    }));
    const signIn = new OidcSignIn(CONFIG, out);
    const question = await leaveAndReturn(signIn, { code: 'c-1', iss: ISSUER });
    nonce = question.get('nonce') ?? '';
    const session = await signIn.finish();
    expect(session?.tokens).toMatchObject({ access: 'a-1', refresh: 'r-1', expiresAt: 1_300_000 });
    expect(asked[0]?.get('code_verifier')).toMatch(/^[\w-]{43}$/);
    expect(here()).toBe('https://dash.example/#/cases?search=doe');
    expect([...kept.keys()]).toEqual([]);
    expect([...kept.values()].join()).not.toContain('a-1');
  });

  it('answer to another question is refused before the code is used', async () => {
    for (const answer of [{ code: 'c', state: 'forged' }, { code: 'c', iss: 'https://evil.example' }] as Record<string, string>[]) {
      const { out, asked, leaveAndReturn } = browserWith(() => json({}));
      const signIn = new OidcSignIn(CONFIG, out);
      await leaveAndReturn(signIn, answer);
      await problemOf(signIn.finish());
      expect(asked).toHaveLength(0);
    }
  });

  it('identity token of another nonce, client or issuer is refused', async () => {
    for (const wrong of [{ nonce: 'other' }, { aud: 'other' }, { iss: 'https://other.example' }]) {
      let nonce = '';
      const { out, leaveAndReturn } = browserWith(() => json({ access_token: 'a', id_token: jwt({ iss: ISSUER, aud: ['dash'], nonce, ...wrong }) }));
      const signIn = new OidcSignIn(CONFIG, out);
      nonce = (await leaveAndReturn(signIn, { code: 'c' })).get('nonce') ?? '';
      expect((await problemOf(signIn.finish())).title).toContain('does not answer this sign-in');
    }
  });

  it('refusal of the issuer is told in words', async () => {
    const { out, leaveAndReturn } = browserWith(() => json({}));
    const signIn = new OidcSignIn(CONFIG, out);
    await leaveAndReturn(signIn, { error: 'access_denied', error_description: 'the person said no' });
    const problem = await problemOf(signIn.finish());
    expect(problem.title).toBe('You were not signed in');
    expect(problem.detail).toContain('the person said no');
  });

  it('code that nobody here asked for is refused', async () => {
    const { out, goTo } = browserWith(() => json({}));
    goTo('https://dash.example/?code=stolen&state=x');
    expect((await problemOf(new OidcSignIn(CONFIG, out).finish())).title).toBe('This sign-in was not begun here');
  });

  it('missing client names the setting', () => {
    expect(() => new OidcSignIn({ ...CONFIG, client_id: null })).toThrow(/identity\.dashboard_client_id/);
  });

  async function signedIn(tokens: (form: URLSearchParams) => Response, refresh: string | undefined) {
    let nonce = '';
    const all = browserWith((form) => form.get('grant_type') === 'authorization_code'
      ? json({ access_token: 'a-1', expires_in: 300, refresh_token: refresh, id_token: jwt({ iss: ISSUER, aud: 'dash', nonce }) })
      : tokens(form));
    const signIn = new OidcSignIn(CONFIG, { ...all.out, now: () => now });
    let now = 1_000_000;
    nonce = (await all.leaveAndReturn(signIn, { code: 'c' })).get('nonce') ?? '';
    const session = (await signIn.finish()) as Session;
    return { ...all, session, signIn, pass: (ms: number) => { now += ms; } };
  }

  it('refresh token that rotates is used once', async () => {
    let n = 1;
    const { session, asked, pass } = await signedIn(() => json({ access_token: `a-${++n}`, expires_in: 300, refresh_token: `r-${n}` }), 'r-1');
    pass(290_000);
    expect(await session.token()).toBe('a-2');
    pass(290_000);
    expect(await session.token()).toBe('a-3');
    expect(asked.slice(1).map((it) => it.get('refresh_token'))).toEqual(['r-1', 'r-2']);
  });

  it('without a refresh token, or when it ended, the issuer is asked anew', async () => {
    for (const refresh of [undefined, 'r-1']) {
      const { session, left, pass } = await signedIn(() => json({ error: 'invalid_grant' }, 400), refresh);
      pass(400_000);
      void session.token();
      await vi.waitFor(() => expect(left).toHaveLength(2));
    }
  });

  it('sign-out ends the session at the issuer and is remembered', async () => {
    const { session, signIn, left } = await signedIn(() => json({}), 'r-1');
    await signIn.signOut(session.tokens);
    const end = new URL(left.at(-1) ?? '');
    expect(end.pathname).toBe('/firm/end');
    expect(end.searchParams.get('post_logout_redirect_uri')).toBe('https://dash.example/');
    expect(signIn.isSignedOut).toBe(true);
  });
});

describe('session', () => {
  function session(renew: () => Promise<Tokens>) {
    let now = 0;
    const it = new Session({ access: 'a-1', expiresAt: 900_000 }, renew, () => now);
    return { it, at: (ms: number) => { now = ms; } };
  }

  it('thousand that need a new token at once cause one renewal', async () => {
    let nRenewals = 0;
    const { it: session_, at } = session(async () => ({ access: `a-${++nRenewals + 1}`, expiresAt: 2_000_000 }));
    at(890_000);
    const all = await Promise.all(Array.from({ length: 1_000 }, (_, n) => (n % 2 === 0 ? session_.token() : session_.replace('a-1'))));
    expect(nRenewals).toBe(1);
    expect(new Set(all)).toEqual(new Set(['a-2']));
  });

  it('token is renewed a minute before it ends, and not earlier', async () => {
    let nRenewals = 0;
    const { it: session_, at } = session(async () => ({ access: `a-${++nRenewals + 1}`, expiresAt: 2_000_000 }));
    at(839_000);
    expect(await session_.token()).toBe('a-1');
    at(841_000);
    expect(await session_.token()).toBe('a-2');
  });

  it('token that is refused right after it was given is not replaced again and again', async () => {
    let nRenewals = 0;
    const { it: session_, at } = session(async () => ({ access: `a-${++nRenewals + 1}`, expiresAt: 2_000_000 }));
    expect(await session_.replace('a-1')).toBeUndefined();
    at(20_000);
    expect(await session_.replace('a-1')).toBe('a-2');
    expect(await session_.replace('a-1')).toBe('a-2');
    expect(await session_.replace('a-2')).toBeUndefined();
    expect(nRenewals).toBe(1);
  });

  it('while the issuer is away, the token that still holds is used on', async () => {
    const { it: session_, at } = session(() => Promise.reject(new Problem(0, 'The issuer cannot be reached', '')));
    at(850_000);
    expect(await session_.token()).toBe('a-1');
    at(901_000);
    expect((await problemOf(session_.token())).title).toBe('The issuer cannot be reached');
  });
});

describe('how to sign in', () => {
  it('config.json beside the page wins over the server, which is not asked then', async () => {
    const never = (): Promise<Response> => Promise.reject(new Error('asked'));
    const auth = { mode: 'oidc', issuer: ISSUER, client_id: 'dash', audience: null };
    expect(await loadAuthConfig({ apiBase: '', auth }, never)).toEqual({ ...auth, scopes: ['openid', 'profile'] });
  });

  it('server without an answer, and nonsense, are told in words', async () => {
    expect((await problemOf(loadAuthConfig({ apiBase: '' }, async () => json({}, 404)))).detail).toContain('config.json');
    expect((await problemOf(loadAuthConfig({ apiBase: '' }, async () => json({ mode: 'magic' })))).title).toBe('The sign-in is not set up');
  });

  it('local token is asked for with the chosen person, and lasts by the server\'s clock', async () => {
    const bodies: string[] = [];
    const session = await signInLocally({ mode: 'local', token_url: '/auth/local/token' }, '', { person: 'lena', roles: ['lawyer'] }, async (_, init) => {
      bodies.push(String(init.body));
      return new Response(JSON.stringify({ token: 't-1', expires_at: '2001-01-01T00:15:00Z' }), { headers: { date: 'Mon, 01 Jan 2001 00:00:00 GMT' } });
    });
    expect(bodies).toEqual(['{"person":"lena","roles":["lawyer"]}']);
    expect(session.tokens.expiresAt - Date.now()).toBeGreaterThan(890_000);
    expect(await session.token()).toBe('t-1');
  });
});
