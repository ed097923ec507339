// Measures a throttled first visit and prints JSON: first paint, time until data, bytes of JavaScript, layout shift.
import { openBrowser, openSite } from './browser.mjs';

/** Lighthouse's "slow 4G" and its mid-range phone: 150 ms, 1.6 Mbit/s down, CPU four times slower. */
const NETWORK = { offline: false, latency: 150, downloadThroughput: (1.6 * 1_000_000) / 8, uploadThroughput: (0.75 * 1_000_000) / 8 };
const CPU_SLOWDOWN = 4;
const N_VISITS = 5;

const site = await openSite();
const browser = await openBrowser();
try {
  const visits = [];
  for (let visit = 0; visit < N_VISITS; visit += 1) visits.push(await measure());
  const middle = (name) => visits.map((it) => it[name]).sort((a, b) => a - b)[Math.floor(N_VISITS / 2)];
  const names = Object.keys(visits[0]);
  console.log(JSON.stringify({
    base: site.isMock ? 'mock' : site.base, network: 'slow 4G', cpu_slowdown: CPU_SLOWDOWN, n_visits: N_VISITS,
    median: Object.fromEntries(names.map((name) => [name, middle(name)])),
    worst: Object.fromEntries(names.map((name) => [name, Math.max(...visits.map((it) => it[name]))])),
  }, null, 2));
} finally {
  await browser.close();
  await site.stop();
}

/** Visits once with an empty cache. */
async function measure() {
  const context = await browser.newContext({ viewport: { width: 412, height: 823 }, deviceScaleFactor: 1.75 });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', NETWORK);
  await session.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN });
  await page.addInitScript(watch);
  await page.goto(`${site.base}/#/`, { waitUntil: 'commit' });
  await page.waitForFunction(() => globalThis.seen?.chart !== undefined && globalThis.seen.figures !== undefined, undefined, { timeout: 30_000 });
  await page.waitForTimeout(1_500);
  const found = await page.evaluate(() => {
    const round = (it) => Math.round(it);
    const scripts = performance.getEntriesByType('resource').filter((it) => it.name.endsWith('.js'));
    const paint = performance.getEntriesByType('paint').find((it) => it.name === 'first-contentful-paint');
    return {
      first_contentful_paint_ms: round(paint?.startTime ?? Number.NaN),
      figures_ms: round(globalThis.seen.figures),
      all_data_ms: round(Math.max(globalThis.seen.figures, globalThis.seen.chart)),
      js_transferred_bytes: scripts.reduce((sum, it) => sum + it.transferSize, 0),
      js_unpacked_bytes: scripts.reduce((sum, it) => sum + it.decodedBodySize, 0),
      cumulative_layout_shift: Math.round(globalThis.seen.shift * 10_000) / 10_000,
    };
  });
  await context.close();
  return found;
}

/** Runs in the page: notes when figures and chart appear, and how much the layout shifts. */
function watch() {
  const seen = { figures: undefined, chart: undefined, shift: 0 };
  globalThis.seen = seen;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) seen.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
  const look = () => {
    if (seen.figures === undefined && /\d/.test(document.querySelector('[data-figure="n-open"] .figure-value')?.textContent ?? '')) seen.figures = performance.now();
    if (seen.chart === undefined && document.querySelector('.plot canvas') !== null) seen.chart = performance.now();
    if (seen.chart === undefined || seen.figures === undefined) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
