// Learns how people sign in here: from `config.json`, or from the server's `/auth/config`.
import { isObject, Problem } from '../api/problem';
import type { Config } from '../config';

export interface LocalConfig {
  mode: 'local';
  token_url: string;
}

export interface OidcConfig {
  mode: 'oidc';
  issuer: string;
  /** Nothing when the settings name no client for the dashboard. */
  client_id: string | null;
  audience: string | null;
  scopes: string[];
}

export type AuthConfig = LocalConfig | OidcConfig;

type Fetch = (input: string) => Promise<Response>;

/** Loads how people sign in; a page on a file host carries it as `auth` in its `config.json`. */
export async function loadAuthConfig(config: Config, fetcher: Fetch = (it) => fetch(it)): Promise<AuthConfig> {
  if (config.auth !== undefined) return readAuthConfig(config.auth, 'config.json');
  let response: Response;
  try {
    response = await fetcher(config.apiBase === '' ? 'auth/config' : `${config.apiBase.replace(/\/+$/, '')}/auth/config`);
  } catch {
    throw new Problem(0, 'MoodBridge cannot be reached', 'Check the network, and that MoodBridge is running.');
  }
  if (response.status === 404) {
    throw new Problem(404, 'Nothing here says how to sign in', 'Write `auth` into config.json beside this page: it holds what `GET /auth/config` of a MoodBridge answers.');
  }
  if (!response.ok) throw await Problem.read(response);
  return readAuthConfig(await response.json().catch(() => undefined), '/auth/config');
}

function readAuthConfig(body: unknown, from: string): AuthConfig {
  if (isObject(body) && body['mode'] === 'local' && typeof body['token_url'] === 'string') {
    return { mode: 'local', token_url: body['token_url'] };
  }
  if (isObject(body) && body['mode'] === 'oidc' && typeof body['issuer'] === 'string') {
    const scopes = Array.isArray(body['scopes']) ? body['scopes'].filter((it) => typeof it === 'string') : [];
    return {
      mode: 'oidc', issuer: body['issuer'], client_id: textOf(body['client_id']), audience: textOf(body['audience']),
      scopes: scopes.length === 0 ? ['openid', 'profile'] : scopes,
    };
  }
  throw new Problem(0, 'The sign-in is not set up', `${from} does not say how: it needs a \`mode\`, \`local\` or \`oidc\`, and what belongs to it.`);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
