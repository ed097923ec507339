// What each page asks of its reader, in the words of the roles.
import type { Me, Permission } from './api/types';
import type { PageName, Route } from './router';

/** What a permission lets people do, as the end of "you may not …". */
export const PERMISSION: Record<Permission, string> = {
  'cases:read': 'read cases',
  'figures:read': 'read figures',
  'changes:follow': 'follow changes live',
  'audit:read': 'read who changed what',
  'integrations:read': 'read how connections and platforms work',
  'queues:read': 'look into queues',
  'queues:replay': 'send dead letters again',
  'walls:read': 'read who is screened from a case',
  'walls:write': 'screen people from cases',
  'settings:read': 'read the settings',
  'settings:write': 'change settings',
  'costs:read': 'read what calls to platforms cost',
  'cases:write': 'change cases',
  'conflicts:read': 'read what both sides changed',
  'conflicts:resolve': 'decide what both sides changed',
  'sync:read': 'read what waits to be sent',
  'sync:operate': 'send refused records again',
  'pipelines:read': 'read pipelines and their runs',
  'pipelines:run': 'start runs of pipelines',
};

/** Every role, with the permissions of a page that decide which one to ask for. */
export const ROLES = ['client', 'viewer', 'paralegal', 'lawyer', 'analyst', 'operator', 'admin'] as const;

const NEEDED: Partial<Record<PageName, Permission>> = {
  overview: 'figures:read',
  cases: 'cases:read',
  case: 'cases:read',
  integrations: 'integrations:read',
  platforms: 'integrations:read',
  queues: 'queues:read',
  trends: 'figures:read',
  costs: 'costs:read',
  settings: 'settings:read',
  conflicts: 'conflicts:read',
  conflict: 'conflicts:read',
  sync: 'sync:read',
  pipelines: 'pipelines:read',
  pipeline: 'pipelines:read',
  run: 'pipelines:read',
  reports: 'figures:read',
};

export function may(me: Me, permission: Permission): boolean {
  return me.permissions.includes(permission);
}

/** Returns the permission that a page needs and its reader lacks. */
export function missingFor(page: PageName, me: Me): Permission | undefined {
  const needed = NEEDED[page];
  return needed === undefined || may(me, needed) ? undefined : needed;
}

const HOMES: readonly Route[] = [
  { page: 'overview' }, { page: 'cases', filter: {} }, { page: 'sync' }, { page: 'pipelines' }, { page: 'integrations' }, { page: 'queues', queue: undefined }, { page: 'costs' }, { page: 'settings' },
];

/** Returns the first page that its reader may see. */
export function homeOf(me: Me): Route {
  return HOMES.find((it) => missingFor(it.page, me) === undefined) ?? { page: 'overview' };
}
