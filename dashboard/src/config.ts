// Reads `config.json` beside the page: where the API is, and how people sign in.
import { isObject } from './api/problem';

export interface Config {
  /** The origin of the API, empty for the page's own. */
  apiBase: string;
  /** How people sign in, as `GET /auth/config` would say it; mostly nothing. */
  auth?: unknown;
}

/** Loads the settings; a missing or broken file means the page's own origin. */
export async function loadConfig(fetcher: (input: string) => Promise<Response> = (it) => fetch(it)): Promise<Config> {
  try {
    const response = await fetcher('config.json');
    const body: unknown = response.ok ? await response.json() : {};
    if (!isObject(body)) return { apiBase: '' };
    const apiBase = typeof body['apiBase'] === 'string' ? body['apiBase'] : '';
    // The same as `/auth/config` answers may also stand there as it is.
    const auth = body['auth'] ?? (body['mode'] === undefined ? undefined : body);
    return auth === undefined ? { apiBase } : { apiBase, auth };
  } catch {
    return { apiBase: '' };
  }
}
