// Starts the certified test identity provider, and a MoodBridge (or the mock) that takes its tokens.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMock } from '../mock/server.mjs';

export const AUDIENCE = 'https://api.moodbridge.test';
const STARTS_WITHIN_MS = 60_000;

/** Returns why there is no provider to test with; `undefined` when there is one. */
export function missingProvider() {
  if (process.env.MOODBRIDGE_OIDC_PROVIDER) return undefined;
  const isRequired = (process.env.MOODBRIDGE_REQUIRE ?? '').split(',').includes('oidc');
  if (isRequired) throw new Error('MOODBRIDGE_REQUIRE names `oidc`, but MOODBRIDGE_OIDC_PROVIDER is unset');
  return 'MOODBRIDGE_OIDC_PROVIDER is unset (run `scripts/setup test`)';
}

/** Starts the provider with the firm's people. */
export async function startProvider(settings = {}) {
  const all = JSON.stringify({ ...settings, endWithInput: true });
  const child = spawn(process.execPath, [process.env.MOODBRIDGE_OIDC_PROVIDER, all], { stdio: ['pipe', 'pipe', 'ignore'] });
  const line = await new Promise((done, failed) => {
    child.stdout.once('data', done);
    child.once('exit', (code) => failed(new Error(`the provider ended with ${code}`)));
  });
  const { origin, issuers } = JSON.parse(line);
  const admin = async (action, body = {}) => (await fetch(`${origin}/admin/firm/${action}`, { method: 'POST', body: JSON.stringify(body) })).json();
  return { issuer: issuers.firm, admin, stop: () => child.kill() };
}

/** Starts what MOODBRIDGE_BIN names with that issuer, else the mock. */
export async function startServer(issuer, clientId) {
  const bin = process.env.MOODBRIDGE_BIN;
  if (!bin) {
    const auth = { mode: 'oidc', issuer, client_id: clientId, audience: AUDIENCE, scopes: ['openid', 'profile'] };
    const mock = await startMock({ everyMs: 700, auth });
    return { base: mock.address, stop: mock.stop };
  }
  const folder = mkdtempSync(join(tmpdir(), 'moodbridge-sign-in-'));
  const port = await freePort();
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'moodbridge.toml'), [
    '[server]', `address = "127.0.0.1:${port}"`, '[identity]', `issuer = "${issuer}"`, `audience = ["${AUDIENCE}"]`, `dashboard_client_id = "${clientId}"`, '',
  ].join('\n'));
  const options = ['--data-dir', join(folder, 'data'), '--log', 'warn'];
  execFileSync(bin, [...options, 'db', 'migrate'], { cwd: folder, stdio: 'ignore' });
  const child = spawn(bin, [...options, 'serve'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const base = `http://127.0.0.1:${port}`;
  const stop = async () => {
    const ended = new Promise((done) => child.once('exit', done));
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const until = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    if (await fetch(`${base}/auth/config`).then((it) => it.ok, () => false)) return { base, stop };
    if (child.exitCode !== null || Date.now() > until) throw new Error(`moodbridge did not start: exit code ${child.exitCode}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}
