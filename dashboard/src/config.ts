// Reads `config.json` beside the page: where the API is.
import { isObject } from './api/problem';

export interface Config {
  /** The origin of the API, empty for the page's own. */
  apiBase: string;
}

/** Loads the settings; a missing or broken file means the page's own origin. */
export async function loadConfig(fetcher: (input: string) => Promise<Response> = (it) => fetch(it)): Promise<Config> {
  try {
    const response = await fetcher('config.json');
    const body: unknown = response.ok ? await response.json() : {};
    const base = isObject(body) ? body['apiBase'] : undefined;
    return { apiBase: typeof base === 'string' ? base : '' };
  } catch {
    return { apiBase: '' };
  }
}
