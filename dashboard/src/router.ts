// Turns the part of the address after `#` into a page and back, so that any file host can serve us.
import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { page: 'overview' }
  | { page: 'cases'; filter: CaseFilter }
  | { page: 'case'; id: string }
  | { page: 'integrations' }
  | { page: 'platforms' }
  | { page: 'trends' }
  | { page: 'costs' }
  | { page: 'settings' }
  | { page: 'queues'; queue: string | undefined }
  | { page: 'conflicts' }
  | { page: 'conflict'; id: number }
  | { page: 'sync' }
  | { page: 'reports' }
  | { page: 'pipelines' }
  | { page: 'pipeline'; name: string }
  | { page: 'run'; id: string }
  | { page: 'missing'; path: string };

export type PageName = Route['page'];

const FILTER_NAMES = [
  'search', 'state', 'status', 'court', 'priority', 'account_id', 'opened_from', 'opened_until', 'sort',
] as const;

export type FilterName = (typeof FILTER_NAMES)[number];

/** What narrows and orders the list of cases; absent is "any", or the default order. */
export type CaseFilter = Partial<Record<FilterName, string>>;

/** Reads a route from a hash such as `#/cases?status=Active`. */
export function parseRoute(hash: string): Route {
  const [rawPath = '', ...rest] = hash.replace(/^#/, '').split('?');
  const query = new URLSearchParams(rest.join('?'));
  const path = rawPath.replace(/^\/+|\/+$/g, '');
  const [first = '', second, ...more] = path.split('/');
  if (more.length > 0) return { page: 'missing', path };
  if (first === 'cases' && second !== undefined) {
    const id = decode(second);
    return id === undefined ? { page: 'missing', path } : { page: 'case', id };
  }
  if ((first === 'pipelines' || first === 'runs') && second !== undefined) {
    const name = decode(second);
    if (name === undefined) return { page: 'missing', path };
    return first === 'runs' ? { page: 'run', id: name } : { page: 'pipeline', name };
  }
  if (first === 'conflicts' && /^[1-9]\d{0,14}$/.test(second ?? '')) return { page: 'conflict', id: Number(second) };
  if (second !== undefined) return { page: 'missing', path };
  switch (first) {
    case '':
      return { page: 'overview' };
    case 'cases':
      return { page: 'cases', filter: readFilter(query) };
    case 'integrations':
    case 'platforms':
    case 'trends':
    case 'costs':
    case 'settings':
    case 'conflicts':
    case 'sync':
    case 'pipelines':
    case 'reports':
      return { page: first };
    case 'queues':
      return { page: 'queues', queue: query.get('queue') || undefined };
    default:
      return { page: 'missing', path };
  }
}

/** Writes the address of a route. */
export function hrefOf(route: Route): string {
  switch (route.page) {
    case 'overview':
      return '#/';
    case 'cases':
      return withQuery('#/cases', FILTER_NAMES.map((name) => [name, route.filter[name]]));
    case 'case':
      return `#/cases/${encodeURIComponent(route.id)}`;
    case 'integrations':
    case 'platforms':
    case 'trends':
    case 'costs':
    case 'settings':
    case 'conflicts':
    case 'sync':
    case 'pipelines':
    case 'reports':
      return `#/${route.page}`;
    case 'pipeline':
      return `#/pipelines/${encodeURIComponent(route.name)}`;
    case 'run':
      return `#/runs/${encodeURIComponent(route.id)}`;
    case 'conflict':
      return `#/conflicts/${route.id}`;
    case 'queues':
      return withQuery('#/queues', [['queue', route.queue]]);
    case 'missing':
      return `#/${route.path}`;
  }
}

function withQuery(path: string, pairs: readonly (readonly [string, string | undefined])[]): string {
  const query = new URLSearchParams();
  for (const [name, value] of pairs) if (value !== undefined && value !== '') query.set(name, value);
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

function readFilter(query: URLSearchParams): CaseFilter {
  const filter: CaseFilter = {};
  for (const name of FILTER_NAMES) {
    const value = query.get(name)?.trim();
    if (value) filter[name] = value;
  }
  return filter;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text) || undefined;
  } catch {
    return undefined;
  }
}

/** Goes to a route; `replace` leaves no step in the history. */
export function go(route: Route, how: 'push' | 'replace' = 'push'): void {
  const href = hrefOf(route);
  if (how === 'push') {
    location.hash = href;
  } else {
    history.replaceState(null, '', href);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}

/** Follows the address. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}
