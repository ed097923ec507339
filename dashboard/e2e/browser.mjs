// Starts what a browser test needs: Chromium, and the mock unless BASE_URL names a running MoodBridge.
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';
import { startMock } from '../mock/server.mjs';

const ARGS = [
  '--no-sandbox', '--headless=new', '--disable-gpu', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run',
];

/** Opens Chromium as it is installed. */
export function openBrowser() {
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  return chromium.launch({ executablePath, args: ARGS });
}

/** Returns where the dashboard is, and how to stop what was started for it. */
export async function openSite() {
  const base = process.env.BASE_URL;
  if (base !== undefined && base !== '') return { base: base.replace(/\/+$/, ''), isMock: false, stop: async () => undefined };
  const mock = await startMock({ everyMs: 700 });
  return { base: mock.address, isMock: true, mock, stop: mock.stop };
}

/** Returns a token of this machine, as its own page would get one. */
export async function localToken(base, choice = {}) {
  const response = await fetch(`${base}/auth/local/token`, {
    method: 'POST', headers: { 'content-type': 'application/json', origin: base }, body: JSON.stringify(choice),
  });
  if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return (await response.json()).token;
}

/** Asks the API as somebody, by default the admin. */
export async function askApi(base, path, { token, ...init } = {}) {
  const headers = { authorization: `Bearer ${token ?? (await localToken(base))}`, 'content-type': 'application/json' };
  const response = await fetch(`${base}${path}`, { ...init, headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}

/** Makes every page of a context be read by this person. */
export function become(context, person, ...roles) {
  const choice = JSON.stringify({ person, roles });
  return context.addInitScript((text) => location.protocol.startsWith('http') && sessionStorage.setItem('moodbridge.local-person', text), choice);
}

/** The pages that every general check visits; the case is the first of the list. */
export async function addresses(base) {
  const { items } = await askApi(base, '/v1/cases?limit=1');
  // Without an open conflict, the list stands for its page.
  const open = await askApi(base, '/v1/conflicts?limit=1');
  const conflict = open.items[0] === undefined ? '' : `/${open.items[0].id}`;
  // Where no pipeline was run, the list stands for its pages.
  const runs = await askApi(base, '/v1/pipelines/runs?limit=1');
  const run = runs.items[0];
  return {
    overview: `${base}/#/`,
    cases: `${base}/#/cases`,
    case: `${base}/#/cases/${items[0].id}`,
    conflicts: `${base}/#/conflicts`,
    conflict: `${base}/#/conflicts${conflict}`,
    sync: `${base}/#/sync`,
    reports: `${base}/#/reports`,
    pipelines: `${base}/#/pipelines`,
    pipeline: `${base}/#/pipelines${run === undefined ? '' : `/${run.pipeline}`}`,
    run: run === undefined ? `${base}/#/pipelines` : `${base}/#/runs/${run.id}`,
    integrations: `${base}/#/integrations`,
    queues: `${base}/#/queues`,
    platforms: `${base}/#/platforms`,
    trends: `${base}/#/trends`,
    costs: `${base}/#/costs`,
    settings: `${base}/#/settings`,
  };
}

/** Waits until a page shows its data instead of skeletons. */
export async function settle(page) {
  await page.waitForSelector('h1');
  await page.waitForFunction(() => document.querySelectorAll('.skeleton').length === 0);
}
