// A mock of the analytics API, which also serves `dist/`: `node mock/server.mjs [--port 8080] [--every 1500]`.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { pathToFileURL } from 'node:url';
import { detailOf, recordId, summaryOf } from './data.mjs';
import { Firm } from './firm.mjs';
import { DIMENSIONS, forecast, METRICS, metricSeries } from './metrics.mjs';
import { costs, PLATFORMS, resilience, SettingsBook } from './keep.mjs';
import { Pipelines } from './pipelines.mjs';
import { Reports } from './reports.mjs';
import { TwoWay } from './two-way.mjs';
import { giveToken, neededFor, readToken } from './people.mjs';

const DIST = new URL('../dist/', import.meta.url).pathname;
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml' };

class Refusal extends Error {
  constructor(status, title, detail, errors = []) {
    super(detail);
    this.body = { type: 'about:blank', title, status, detail, errors };
  }
}

/** Starts the mock; `everyMs` is how often a case changes, 0 for never; `auth` is what `/auth/config` says. */
export function startMock({ port = 0, everyMs = 1_500, nCases, tokenSeconds = 900, auth = { mode: 'local', token_url: '/auth/local/token' } } = {}) {
  const firm = new Firm(nCases === undefined ? {} : { nCases });
  Object.assign(firm, { auth, tokenSeconds, nTokens: 0, walls: new Map(), book: new SettingsBook(), pipelines: new Pipelines(), reports: new Reports(), twoWay: new TwoWay(firm.cases) });
  const server = createServer((request, response) => {
    answer(firm, request, response).catch((error) => refuse(response, request, error));
  });
  const timer = everyMs > 0 ? setInterval(() => firm.change(), everyMs) : undefined;
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      const address = `http://127.0.0.1:${server.address().port}`;
      const stop = () => {
        clearInterval(timer);
        server.closeAllConnections();
        return new Promise((done) => server.close(done));
      };
      resolve({ address, firm, stop });
    });
  });
}

async function answer(firm, request, response) {
  const url = new URL(request.url, 'http://mock');
  if (request.method === 'OPTIONS') return allowForeign(response);
  if (url.pathname.startsWith('/auth/')) return signIn(firm, url, request, response);
  if (!url.pathname.startsWith('/v1/')) return serveFile(url.pathname, response);
  const query = Object.fromEntries(url.searchParams);
  const parts = url.pathname.split('/').slice(2).map(decodeURIComponent);
  const me = readToken(request.headers.authorization, firm.auth.mode === 'oidc');
  if (me === undefined) throw new Refusal(401, 'Sign in', 'the token was not accepted: it is missing, or has expired');
  const needed = neededFor(parts, request.method);
  if (needed !== undefined && !me.permissions.includes(needed)) throw new Refusal(403, 'Not permitted', `it needs the permission \`${needed}\`, which none of your roles gives`);
  if (parts[0] === 'changes') return stream(firm, request, response, query);
  const text = request.method === 'GET' ? '' : await readBody(request);
  const found = route(firm, me, request.method, parts, query, text === '' ? undefined : JSON.parse(text), request.headers['idempotency-key']);
  if (parts[0] === 'cases' && parts[2] === 'sync') response.setHeader('etag', firm.twoWay.tag(findCase(firm, parts[1], me)));
  sendJson(response, found);
}

function sendJson(response, body) {
  const status = body === undefined ? 204 : 200;
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', 'access-control-allow-origin': '*' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function signIn(firm, url, request, response) {
  if (url.pathname === '/auth/config') return sendJson(response, firm.auth);
  const wish = JSON.parse(await readBody(request));
  firm.nTokens += 1;
  sendJson(response, giveToken(wish, firm.tokenSeconds));
}

function route(firm, me, method, parts, query, body, key) {
  const [first, id, third, fourth] = parts;
  if (first === 'me') return me;
  if (first === 'platforms') return { items: PLATFORMS };
  if (first === 'resilience') return resilience();
  if (first === 'costs') return costs(query, firm.cases.slice(0, 6).map((it) => it.id));
  if (first === 'metrics') return routeMetrics(id, third, query);
  if (first === 'pipelines') return firm.pipelines.answer(method, parts, query, body, key, me.person) ?? missing(parts);
  if (first === 'reports') return firm.reports.answer(method, parts, query, body, key, me.person) ?? missing(parts);
  if (first === 'settings') return routeSettings(firm.book, me, id, body);
  if (first === 'overview') {
    const { integrations, queues, ...rest } = firm.overview(Number(query.days ?? 30));
    const seen = (permission, items) => (me.permissions.includes(permission) ? items : []);
    return { ...rest, integrations: seen('integrations:read', integrations), queues: seen('queues:read', queues) };
  }
  if (first === 'cases' && third === 'walls') return routeWalls(firm, me, method, findCase(firm, id, me).id, fourth, body);
  if (first === 'cases' && third === 'sync') return firm.twoWay.state(findCase(firm, id, me));
  if (first === 'cases' && method === 'PATCH') return changeCase(firm, findCase(firm, id, me), body);
  if (['conflicts', 'outbox', 'reconciliations'].includes(first)) return routeTwoWay(firm.twoWay, me, method, parts, query, body);
  if (first === 'cases' && id === undefined) return listCases(firm, query, me);
  if (first === 'cases' && third === undefined) return detailOf(findCase(firm, id, me));
  if (first === 'cases' && third === 'audit') return listAudit(firm, query, findCase(firm, id, me).id);
  if (first === 'audit') return listAudit(firm, query);
  if (first === 'integrations') return { items: firm.integrations() };
  if (first === 'sync-runs') return { items: firm.runs(Number(query.limit ?? 50)) };
  if (first === 'queues' && id === undefined) return { items: firm.queues() };
  if (first === 'queues' && fourth === 'replay' && body !== undefined) return { n_replayed: firm.replay(body) };
  if (first === 'queues' && third === 'dead-letters') return listDead(firm, id, query, me);
  return missing(parts);
}

function missing(parts) {
  throw new Refusal(404, 'Not found', `there is no \`/v1/${parts.join('/')}\``);
}

function routeMetrics(name, what, query) {
  if (name === undefined) return { items: METRICS, dimensions: DIMENSIONS };
  const metric = METRICS.find((it) => it.name === name);
  if (metric === undefined) throw new Refusal(404, 'Not found', `there is no metric \`${name}\``);
  return what === 'forecast' ? forecast(metric, query) : metricSeries(metric, query);
}

function changeCase(firm, it, body) {
  const { faults, ...done } = firm.twoWay.change(it, body);
  if (faults !== undefined) throw new Refusal(422, 'Fields cannot be set so', 'fields cannot be set so: see `errors`', faults);
  return done;
}

function routeTwoWay(twoWay, me, method, [first, id, third], query, body) {
  if (first === 'reconciliations') return twoWay.comparisons();
  if (first === 'outbox' && id === undefined) return twoWay.outbox(query);
  if (first === 'outbox') return third === 'resend' ? twoWay.resend(id) : twoWay.allow(body);
  if (id === undefined) return twoWay.conflicts(query);
  if (id === 'resolve') return twoWay.resolveAll(body, me.person);
  const found = twoWay.conflict(id);
  if (found === undefined) throw new Refusal(404, 'Not found', `there is no conflict ${id}`);
  return method === 'POST' ? twoWay.resolve(id, body, me.person) : found;
}

function routeSettings(book, me, what, body) {
  if (what === undefined) return { version: book.version, running_version: book.runningVersion, values: book.values };
  if (what === 'history') return { items: book.history, next_before: null };
  const done = what === 'changes' ? book.change(body, me.person) : book.undo(body, me.person);
  if (done === undefined) throw new Refusal(409, 'Changed meanwhile', `the settings are at version ${book.version}`);
  return done;
}

function routeWalls(firm, me, method, caseId, person, body) {
  const walls = firm.walls.get(caseId) ?? firm.walls.set(caseId, new Map()).get(caseId);
  if (method === 'GET') return { items: [...walls.values()] };
  if (method === 'DELETE') return void walls.delete(person);
  const wall = { case_id: caseId, person, ...body, set_by: me.person, set_at: new Date().toISOString() };
  walls.set(person, wall);
  return wall;
}

function findCase(firm, id, me) {
  const found = firm.byId.get(id) ?? firm.cases.find((_, at) => [recordId(at), recordId(at).slice(0, 15)].includes(id));
  if (found === undefined || !isSeen(firm, found, me)) throw new Refusal(404, 'Not found', `no case has the id \`${id}\``);
  return found;
}

function isSeen(firm, it, me) {
  const stance = firm.walls.get(it.id)?.get(me.person)?.stance;
  return me.sees_assigned_only ? stance === 'assigned' : stance !== 'screened';
}

const ORDERS = {
  updated_desc: (a, b) => b.updated_at.localeCompare(a.updated_at),
  opened_desc: (a, b) => b.opened_at.localeCompare(a.opened_at),
  opened_asc: (a, b) => a.opened_at.localeCompare(b.opened_at),
  docket_asc: (a, b) => (a.docket_number ?? '').localeCompare(b.docket_number ?? ''),
  title_asc: (a, b) => (a.title ?? '').localeCompare(b.title ?? ''),
};

function listCases(firm, query, me) {
  const order = ORDERS[query.sort ?? 'updated_desc'];
  if (order === undefined) {
    const errors = [{ field: 'sort', message: `\`${query.sort}\` is not one of ${Object.keys(ORDERS).join(', ')}` }];
    throw new Refusal(400, 'Invalid request', 'one parameter is not valid', errors);
  }
  const words = (query.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const matches = firm.cases.filter((it) => isSeen(firm, it, me)).filter((it) => {
    const texts = [it.docket_number, it.case_number, it.title, it.court, it.account_name, it.contact_name].filter(Boolean).join(' ').toLowerCase();
    const begins = [...texts.split(/[\s\-.&,]+/), ...texts.split(/\s+/)];
    return words.every((word) => begins.some((begin) => begin.startsWith(word)))
      && ['status', 'court', 'priority', 'account_id'].every((name) => query[name] === undefined || it[name] === query[name])
      && (query.state === undefined || it.is_closed === (query.state === 'closed'))
      && (query.opened_from === undefined || it.opened_at >= query.opened_from)
      && (query.opened_until === undefined || it.opened_at < query.opened_until);
  }).sort(order);
  const from = Number(query.cursor ?? 0);
  const limit = Number(query.limit ?? 50);
  return { items: matches.slice(from, from + limit).map(summaryOf), next_cursor: from + limit < matches.length ? String(from + limit) : null };
}

function listAudit(firm, query, entityId) {
  const limit = Number(query.limit ?? 50);
  const before = Number(query.before ?? Number.MAX_SAFE_INTEGER);
  const rows = firm.audit.filter((it) => it.seq < before && (entityId === undefined || it.entity_id === entityId));
  return { items: rows.slice(0, limit), next_before: rows.length > limit ? rows[limit - 1].seq : null };
}

function listDead(firm, queue, query, me) {
  const all = queue === 'events' ? firm.dead : [];
  const from = query.after === undefined ? 0 : all.findIndex((it) => it.id === query.after) + 1;
  const letters = all.slice(from, from + Number(query.limit ?? 50));
  const items = me.permissions.includes('cases:read') ? letters : letters.map((it) => ({ ...it, body: null }));
  return { items, next_after: from + items.length < all.length ? items.at(-1).id : null };
}

function stream(firm, request, response, query) {
  const after = Number(request.headers['last-event-id'] ?? query.after ?? firm.changes.length);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'access-control-allow-origin': '*' });
  const send = (change) => response.write(`event: change\nid: ${change.seq}\ndata: ${JSON.stringify(change)}\n\n`);
  response.write(': hello\n\n');
  for (const change of firm.changes) if (change.seq > after) send(change);
  firm.listeners.add(send);
  const alive = setInterval(() => response.write(': alive\n\n'), 15_000);
  request.on('close', () => {
    firm.listeners.delete(send);
    clearInterval(alive);
  });
}

/** Answers a browser that asks before it sends a token to another origin. */
function allowForeign(response) {
  response.writeHead(204, {
    'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization, content-type, idempotency-key, if-match, last-event-id', 'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
  });
  response.end();
}

function serveFile(path, response) {
  const file = join(DIST, normalize(path === '/' ? '/index.html' : path));
  if (!file.startsWith(DIST) || !existsSync(file) || !statSync(file).isFile()) throw new Refusal(404, 'Not found', `there is no file \`${path}\``);
  const type = { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' };
  const isPacked = existsSync(`${file}.gz`);
  response.writeHead(200, isPacked ? { ...type, 'content-encoding': 'gzip' } : type);
  createReadStream(isPacked ? `${file}.gz` : file).pipe(response);
}

async function readBody(request) {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

function refuse(response, request, error) {
  const body = error instanceof Refusal ? error.body : { type: 'about:blank', title: 'Internal error', status: 500, detail: error.message };
  response.writeHead(body.status, { 'content-type': 'application/problem+json', 'access-control-allow-origin': '*' });
  response.end(JSON.stringify({ ...body, instance: request.url }));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const option = (name, otherwise) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(process.argv[at + 1]);
  };
  const { address } = await startMock({ port: option('port', 8_080), everyMs: option('every', 1_500) });
  console.log(`mock API and dashboard at ${address}`);
}
