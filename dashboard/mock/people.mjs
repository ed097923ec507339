// The mock's sign-in: tokens that end, the roles, and what each route asks for.

const CASES = ['cases:read'];
const FIGURES = [...CASES, 'figures:read', 'changes:follow'];
const WRITER = ['cases:write', 'conflicts:read'];
const OPERATOR = ['integrations:read', 'queues:read', 'queues:replay', 'settings:read', 'costs:read', 'sync:read', 'sync:operate', 'pipelines:read', 'pipelines:run'];
const PERMISSIONS = {
  client: CASES,
  viewer: FIGURES,
  paralegal: [...FIGURES, 'audit:read', ...WRITER],
  lawyer: [...FIGURES, 'audit:read', 'walls:read', ...WRITER, 'conflicts:resolve'],
  analyst: [...FIGURES, 'integrations:read', 'costs:read', 'sync:read', 'pipelines:read'],
  operator: OPERATOR,
  admin: [...FIGURES, 'audit:read', 'walls:read', 'walls:write', ...WRITER, 'conflicts:resolve', ...OPERATOR, 'settings:write'],
};

/** What the first part of a path asks for; deeper ones are told apart in `neededFor`. */
const NEEDED = {
  overview: 'figures:read', cases: 'cases:read', audit: 'audit:read', integrations: 'integrations:read', 'sync-runs': 'integrations:read',
  platforms: 'integrations:read', resilience: 'integrations:read', queues: 'queues:read', changes: 'changes:follow', costs: 'costs:read', metrics: 'figures:read', settings: 'settings:read',
  conflicts: 'conflicts:read', outbox: 'sync:read', reconciliations: 'sync:read', pipelines: 'pipelines:read', reports: 'figures:read',
};

export function neededFor([first, , third, fourth], method) {
  if (first === 'cases' && (third === 'sync' || method === 'PATCH')) return 'cases:write';
  if (first === 'conflicts' && method === 'POST') return 'conflicts:resolve';
  if (first === 'outbox' && method === 'POST') return 'sync:operate';
  if (first === 'pipelines' && method === 'POST') return 'pipelines:run';
  if (first === 'cases' && third === 'audit') return 'audit:read';
  if (first === 'cases' && third === 'walls') return method === 'GET' ? 'walls:read' : 'walls:write';
  if (first === 'queues' && fourth === 'replay') return 'queues:replay';
  if (first === 'settings' && method === 'POST') return 'settings:write';
  return NEEDED[first];
}

/** Gives a token that `readToken` reads back. */
export function giveToken({ person = 'me', roles = ['admin'] }, seconds, now = Date.now()) {
  const expires_at = new Date(now + seconds * 1_000).toISOString();
  const text = Buffer.from(JSON.stringify({ person, roles, expires_at, no: Math.random() })).toString('base64url');
  return { token: `mock.${text}`, expires_at, person, roles };
}

/** Returns who sent the token; `undefined` for none, a broken or an ended one. Signatures are for the real thing. */
export function readToken(header, isOidc) {
  const [, part] = (isOidc ? /^Bearer [\w-]+\.([\w-]+)\.[\w-]+$/ : /^Bearer mock\.([\w-]+)$/).exec(header ?? '') ?? [];
  if (part === undefined) return undefined;
  const claims = JSON.parse(Buffer.from(part, 'base64url').toString());
  const endsAt = isOidc ? claims.exp * 1_000 : Date.parse(claims.expires_at);
  if (endsAt <= Date.now()) return undefined;
  const { roles = [] } = claims;
  const permissions = [...new Set(roles.flatMap((role) => PERMISSIONS[role] ?? []))];
  return {
    person: claims.sub ?? claims.person, name: claims.name ?? null, roles, permissions,
    sees_assigned_only: !roles.some((role) => !['client', 'operator'].includes(role)),
  };
}
