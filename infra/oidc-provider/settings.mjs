// What the provider can be told, in one JSON argument; each has a default that tests want.

const MINUTE = 60;

/** People who can sign in, one a role. `login_hint` names one; a stranger has no role. */
const users = {
  anna: { name: 'Anna Admin', roles: ['admin'] },
  lena: { name: 'Lena Lawyer', roles: ['lawyer'] },
  paul: { name: 'Paul Paralegal', roles: ['paralegal'] },
  vera: { name: 'Vera Viewer', roles: ['viewer'] },
  ali: { name: 'Ali Analyst', roles: ['analyst'] },
  otto: { name: 'Otto Operator', roles: ['operator'] },
  clara: { name: 'Clara Client', roles: ['client'] },
};

/** Loopback redirects of native clients match on any port (RFC 8252, section 7.3). */
const loopback = (path) => ['127.0.0.1', 'localhost'].map((host) => `http://${host}${path}`);

const clients = [
  {
    client_id: 'moodbridge-cli',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: [...loopback('/'), ...loopback('/callback')],
    grant_types: [
      'authorization_code',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
  },
  {
    client_id: 'moodbridge-dashboard',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: [...loopback('/'), ...loopback('/callback'), ...loopback('/auth/callback')],
    post_logout_redirect_uris: loopback('/'),
    grant_types: ['authorization_code', 'refresh_token'],
  },
  {
    client_id: 'moodbridge-service',
    client_secret: 'only-for-tests',
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
  },
];

/** What a program may do that signs in as itself. */
const serviceRoles = { 'moodbridge-service': ['operator'] };

const defaults = {
  host: '127.0.0.1',
  port: 0,
  // One issuer each, at `http://HOST:PORT/NAME`.
  issuers: ['firm'],
  // Resources (RFC 8707) that get JWT access tokens; the first when a client names none.
  resources: ['https://api.moodbridge.test'],
  // One key each; the first signs.
  algorithms: ['RS256', 'ES256', 'PS256', 'EdDSA'],
  // The claim that holds a person's roles.
  rolesClaim: 'roles',
  accessTokenSeconds: 5 * MINUTE,
  refreshTokenSeconds: 60 * MINUTE,
  deviceCodeSeconds: 10 * MINUTE,
  users,
  clients,
  // Added to `clients`.
  moreClients: [],
  serviceRoles,
  // Ends when standard input does, so that no provider outlives the test that started it.
  endWithInput: false,
};

/** Reads the JSON argument; an unknown key is a mistake worth stopping for. */
export function readSettings(argument) {
  const given = argument ? JSON.parse(argument) : {};
  for (const key of Object.keys(given)) {
    if (!(key in defaults)) {
      throw new Error(`unknown setting \`${key}\`; known: ${Object.keys(defaults).join(', ')}`);
    }
  }
  return { ...defaults, ...given };
}
