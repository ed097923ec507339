// The dashboard works from a bucket: another origin, a folder, and `config.json` that names the API.
import assert from 'node:assert/strict';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after, before, it } from 'node:test';
import { openBrowser, settle } from './browser.mjs';
import { startMock } from '../mock/server.mjs';

const DIST = new URL('../dist/', import.meta.url).pathname;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json' };
const FOLDER = '/some/folder/';
let browser;
let mock;
let bucket;

before(async () => {
  mock = await startMock({ everyMs: 500 });
  bucket = createServer((request, response) => {
    const path = request.url.split('?')[0];
    const name = path === FOLDER ? 'index.html' : path.slice(FOLDER.length);
    if (name === 'config.json') return response.end(JSON.stringify({ apiBase: mock.address, auth: { mode: 'local', token_url: '/auth/local/token' } }));
    const isThere = path.startsWith(FOLDER) && !name.includes('..') && existsSync(join(DIST, name));
    response.writeHead(isThere ? 200 : 404, { 'content-type': TYPES[extname(name)] ?? 'text/plain' });
    return isThere ? createReadStream(join(DIST, name)).pipe(response) : response.end();
  });
  await new Promise((done) => bucket.listen(0, '127.0.0.1', done));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  bucket?.closeAllConnections();
  bucket?.close();
  await mock?.stop();
});

it('pages, live changes and replay work from another origin', async () => {
  const base = `http://127.0.0.1:${bucket.address().port}${FOLDER}`;
  const page = await browser.newPage();
  const missing = [];
  page.on('response', (response) => response.status() >= 400 && missing.push(response.url()));
  await page.goto(`${base}#/`);
  await settle(page);
  await page.waitForSelector('[data-live="live"]');
  await page.waitForSelector('.plot canvas');
  await page.goto(`${base}#/queues`);
  const before = mock.firm.dead.length;
  await page.locator('.dead-check').first().check();
  await page.getByRole('button', { name: 'Replay selected (1)' }).click();
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  await page.waitForSelector('[data-result]');
  assert.equal(mock.firm.dead.length, before - 1);
  assert.deepEqual(missing, []);
});
