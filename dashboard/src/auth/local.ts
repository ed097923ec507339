// Signs in on this machine, where nobody is asked who they are.
import { isObject, Problem } from '../api/problem';
import type { LocalConfig } from './config';
import { Session, type Tokens } from './session';

/** Whom to be; without a choice the server's own default, an admin. */
export interface LocalChoice {
  person: string;
  roles: string[];
}

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

const KEY = 'moodbridge.local-person';

/** Returns whom this tab chose to be. */
export function localChoice(): LocalChoice | undefined {
  try {
    const it: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    if (!isObject(it) || typeof it['person'] !== 'string' || !Array.isArray(it['roles'])) return undefined;
    return { person: it['person'], roles: it['roles'].filter((role) => typeof role === 'string') };
  } catch {
    return undefined;
  }
}

/** Becomes somebody else; nothing of the person before is kept. */
export function becomeLocally(choice: LocalChoice | undefined): void {
  if (choice === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify(choice));
  location.reload();
}

/** Gets a first token, and a session that gets further ones. */
export async function signInLocally(
  config: LocalConfig,
  apiBase: string,
  choice: LocalChoice | undefined,
  fetcher: Fetch = (input, init) => fetch(input, init),
): Promise<Session> {
  const address = /^https?:/.test(config.token_url) ? config.token_url : apiBase.replace(/\/+$/, '') + config.token_url;
  const ask = async (): Promise<Tokens> => {
    let response: Response;
    try {
      response = await fetcher(address, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(choice ?? {}),
      });
    } catch {
      throw new Problem(0, 'MoodBridge cannot be reached', 'Check the network, and that MoodBridge is running.');
    }
    if (!response.ok) throw await Problem.read(response);
    const body: unknown = await response.json().catch(() => undefined);
    if (!isObject(body) || typeof body['token'] !== 'string') {
      throw new Problem(response.status, 'No token came', 'The server answered the sign-in with something else.');
    }
    return { access: body['token'], expiresAt: endOf(body['expires_at'], response.headers.get('date')) };
  };
  return new Session(await ask(), ask);
}

/** Reckons by the server's clock, as ours may be wrong. */
function endOf(expiresAt: unknown, serverDate: string | null): number {
  const now = Date.now();
  const server = Date.parse(serverDate ?? '');
  const ends = Date.parse(String(expiresAt));
  const left = ends - (Number.isFinite(server) ? server : now);
  return Number.isFinite(left) && left > 0 ? now + left : now + 300_000;
}
