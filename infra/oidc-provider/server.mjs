// An identity provider on loopback for tests and demonstrations: `node server.mjs '{"port": 9400}'`.
// It prints one JSON line when it is ready. See README.md for what it answers.

import { createServer } from 'node:http';

import { Issuer } from './issuer.mjs';
import { readSettings } from './settings.mjs';

const settings = readSettings(process.argv[2]);
const issuers = new Map();
const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) sendJson(response, 500, { error: error.message });
  });
});

server.listen(settings.port, settings.host, () => {
  const origin = `http://${settings.host}:${server.address().port}`;
  for (const name of settings.issuers) {
    issuers.set(name, new Issuer(name, `${origin}/${name}`, settings));
  }
  const urls = Object.fromEntries([...issuers.values()].map((it) => [it.name, it.url]));
  console.log(JSON.stringify({ ready: true, origin, issuers: urls }));
});

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
if (settings.endWithInput) process.stdin.on('end', () => process.exit(0)).resume();

async function answer(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const [, first, second, ...rest] = url.pathname.split('/');
  if (first === 'admin' && request.method === 'POST' && issuers.has(second)) {
    return admin(issuers.get(second), rest.join('/'), await readJson(request), response);
  }
  const issuer = issuers.get(first);
  if (!issuer) return sendJson(response, 404, { error: 'no such issuer' });

  const path = `/${[second, ...rest].filter((it) => it !== undefined).join('/')}`;
  issuer.calls[path] = (issuer.calls[path] ?? 0) + 1;
  if (issuer.outage) return sendJson(response, issuer.outage, { error: 'out of order' });
  if (second === 'interaction') return signIn(issuer, url, request, response);
  request.originalUrl = request.url;
  request.url = path + url.search;
  return issuer.callback(request, response);
}

/** What a test may do behind the provider's back. */
async function admin(issuer, action, body, response) {
  switch (action) {
    case 'keys':
      return sendJson(response, 200, issuer.rotate(body));
    case 'outage':
      issuer.outage = body.status ?? null;
      return sendJson(response, 200, {});
    case 'calls': {
      const calls = issuer.calls;
      if (body.reset) issuer.calls = {};
      return sendJson(response, 200, calls);
    }
    case 'device': {
      const found = await issuer.answerDevice(body.user_code, body.user);
      return sendJson(response, found ? 200 : 404, {});
    }
    default:
      return sendJson(response, 404, { error: 'write keys, outage, calls or device' });
  }
}

/** Signs in whom `login_hint` or `user` names; without either, a page asks. */
async function signIn(issuer, url, request, response) {
  request.originalUrl = request.url;
  const { params } = await issuer.provider.interactionDetails(request, response);
  const user = url.searchParams.get('user') ?? params.login_hint;
  if (!user) return choose(issuer, url, response);
  const result =
    user === 'nobody'
      ? { error: 'access_denied', error_description: 'the person said no' }
      : { login: { accountId: user } };
  return issuer.provider.interactionFinished(request, response, result);
}

function choose(issuer, url, response) {
  const people = Object.entries(issuer.settings.users).map(
    ([id, { name, roles }]) =>
      `<li><a href="${url.pathname}?user=${encodeURIComponent(id)}">${name}</a> (${roles.join(', ')})`,
  );
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html><html lang="en"><title>Sign in</title>
<h1>Who are you?</h1><ul>${people.join('\n')}
<li><a href="${url.pathname}?user=nobody">Nobody</a> (goes back without signing in)</ul></html>`);
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text ? JSON.parse(text) : {};
}

function sendJson(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
