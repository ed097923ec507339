// The API client asks the right address, and every bad answer becomes a problem with words.
import { describe, expect, it } from 'vitest';
import { ApiClient } from '../src/api/client';
import { Problem } from '../src/api/problem';
import { loadConfig } from '../src/config';
import { queryOf } from '../src/pages/cases';

interface Asked {
  address: string;
  init: RequestInit;
}

function client(respond: () => Response | Promise<Response>, base = ''): { api: ApiClient; asked: Asked[] } {
  const asked: Asked[] = [];
  const session = { token: async () => 'a-token', replace: async () => undefined };
  const api = new ApiClient(base, session, async (address, init) => {
    asked.push({ address, init });
    return respond();
  });
  return { api, asked };
}

const json = (body: unknown, status = 200, type = 'application/json'): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': type } });

async function problemOf(answer: Promise<unknown>): Promise<Problem> {
  const thrown: unknown = await answer.then(() => undefined, (it: unknown) => it);
  expect(thrown).toBeInstanceOf(Problem);
  return thrown as Problem;
}

describe('client', () => {
  it('leaves empty filters out of the address and encodes the rest', async () => {
    const { api, asked } = client(() => json({ items: [], next_cursor: null }), 'https://api.example/');
    await api.cases({ search: 'doe & roe', status: '', court: undefined, limit: 50 });
    expect(asked[0]?.address).toBe('https://api.example/v1/cases?search=doe+%26+roe&limit=50');
  });

  it('changes a case as of the state that its author saw', async () => {
    const { api, asked } = client(() => new Response('{}', { headers: { etag: '"7"' } }));
    const { tag } = await api.caseState('a');
    await api.changeCase('a', { status: 'Trial' }, tag);
    expect(asked[1]?.init.method).toBe('PATCH');
    expect((asked[1]?.init.headers as Record<string, string>)['if-match']).toBe('"7"');
    await api.changeCase('a', {}, null);
    expect(asked[2]?.init.headers).not.toHaveProperty('if-match');
  });

  it('encodes an id that holds a slash', async () => {
    const { api, asked } = client(() => json({}));
    await api.case('a/b');
    expect(asked[0]?.address).toBe('/v1/cases/a%2Fb');
  });

  it('shows the title, detail and fields of a problem', async () => {
    const errors = [{ field: 'sort', message: 'not known' }, { nonsense: true }];
    const { api } = client(() => json({ title: 'Invalid request', status: 400, detail: 'one parameter is not valid', errors }, 400, 'application/problem+json'));
    const problem = await problemOf(api.cases({}));
    expect([problem.status, problem.title, problem.detail]).toEqual([400, 'Invalid request', 'one parameter is not valid']);
    expect(problem.errors).toEqual([{ field: 'sort', message: 'not known' }]);
  });

  it('answer of a proxy in HTML becomes a short problem without markup', async () => {
    const { api } = client(() => new Response('<html><h1>Bad gateway</h1></html>', { status: 502 }));
    const problem = await problemOf(api.integrations());
    expect([problem.status, problem.title, problem.detail]).toEqual([502, 'The server answered 502', '']);
  });

  it('good status with a page instead of JSON points to the settings', async () => {
    const { api } = client(() => new Response('<!doctype html>'));
    const problem = await problemOf(api.overview(30));
    expect(problem.detail).toContain('config.json');
  });

  it('no answer at all says that the API cannot be reached', async () => {
    const { api } = client(() => Promise.reject(new TypeError('Failed to fetch')));
    expect((await problemOf(api.queues())).title).toBe('The API cannot be reached');
  });

  it('request that the page gave up is no problem to show', async () => {
    const stop = new AbortController();
    stop.abort();
    const { api } = client(() => Promise.reject(new DOMException('stopped', 'AbortError')));
    const thrown: unknown = await api.queues(stop.signal).catch((it: unknown) => it);
    expect(thrown).not.toBeInstanceOf(Problem);
  });

  it('replay posts the chosen ids as JSON', async () => {
    const { api, asked } = client(() => json({ n_replayed: 2 }));
    expect(await api.replay('events', { ids: ['a', 'b'] })).toEqual({ n_replayed: 2 });
    expect([asked[0]?.address, asked[0]?.init.method, asked[0]?.init.body])
      .toEqual(['/v1/queues/events/dead-letters/replay', 'POST', '{"ids":["a","b"]}']);
  });
});

describe('settings', () => {
  it('missing or broken file means the own origin', async () => {
    expect(await loadConfig(() => Promise.resolve(new Response('', { status: 404 })))).toEqual({ apiBase: '' });
    expect(await loadConfig(() => Promise.resolve(new Response('{')))).toEqual({ apiBase: '' });
    expect(await loadConfig(() => Promise.resolve(new Response('{"apiBase":"https://api.example"}')))).toEqual({ apiBase: 'https://api.example' });
  });
});

describe('filter of the list', () => {
  it('last day is included, and a day that is none is left out', () => {
    const query = queryOf({ status: 'Active', opened_from: '2026-11-01', opened_until: '2026-11-02' });
    expect(Date.parse(query.opened_until ?? '') - Date.parse(query.opened_from ?? '')).toBe(2 * 86_400_000);
    expect(query.status).toBe('Active');
    expect(queryOf({ opened_from: 'yesterday' }).opened_from).toBeUndefined();
  });
});
