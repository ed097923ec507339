// Addresses become pages and pages addresses.
import { describe, expect, it } from 'vitest';
import { hrefOf, parseRoute, type Route } from '../src/router';

describe('router', () => {
  it('empty address is the overview', () => {
    for (const hash of ['', '#', '#/', '#//']) expect(parseRoute(hash)).toEqual({ page: 'overview' });
  });

  it('every route survives the way into the address and back', () => {
    const routes: Route[] = [
      { page: 'overview' },
      { page: 'cases', filter: {} },
      { page: 'cases', filter: { search: 'doe & roe ? #1', status: 'On Hold', state: 'open', sort: 'docket_asc', court: 'S.D.N.Y.' } },
      { page: 'case', id: '500Ws0000000042AAA' },
      { page: 'case', id: 'a/b?c#d %' },
      { page: 'integrations' },
      { page: 'conflicts' },
      { page: 'conflict', id: 17 },
      { page: 'sync' },
      { page: 'reports' },
      { page: 'pipelines' },
      { page: 'pipeline', name: 'clean-cases' },
      { page: 'run', id: '0af7651916cd43dd8448eb211c80319c' },
      { page: 'queues', queue: undefined },
      { page: 'queues', queue: 'events' },
    ];
    for (const route of routes) expect(parseRoute(hrefOf(route))).toEqual(route);
  });

  it('unknown and empty filters are left out', () => {
    expect(parseRoute('#/cases?status=&evil=1&priority=High')).toEqual({ page: 'cases', filter: { priority: 'High' } });
  });

  it('address of no page says so', () => {
    expect(parseRoute('#/nowhere')).toEqual({ page: 'missing', path: 'nowhere' });
    expect(parseRoute('#/conflicts/x')).toEqual({ page: 'missing', path: 'conflicts/x' });
    expect(parseRoute('#/cases/1/2')).toEqual({ page: 'missing', path: 'cases/1/2' });
    expect(parseRoute('#/cases/%E0%A4%A')).toEqual({ page: 'missing', path: 'cases/%E0%A4%A' });
  });
});
