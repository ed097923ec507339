// What holds for every page: it fits the screen, and axe finds nothing serious, in light and dark.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { addresses, openBrowser, openSite, settle } from './browser.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = ['overview', 'cases', 'case', 'trends', 'conflicts', 'conflict', 'sync', 'reports', 'pipelines', 'pipeline', 'run', 'integrations', 'queues', 'platforms', 'costs', 'settings'];
let browser;
let site;
let places;

before(async () => {
  site = await openSite();
  browser = await openBrowser();
  places = await addresses(site.base);
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

async function visit(name, options, act) {
  // The policy of the page forbids foreign scripts; axe is one.
  const context = await browser.newContext({ bypassCSP: true, reducedMotion: 'reduce', ...options });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(places[name]);
    await settle(page);
    if (name === 'overview') await page.waitForSelector('.plot canvas');
    await act(page);
  } finally {
    await context.close();
  }
}

for (const name of PAGES) {
  describe(name, () => {
    for (const width of [360, 768, 1024, 1280, 1920]) {
      it(`does not scroll sideways at ${width} px`, () => visit(name, { viewport: { width, height: 800 } }, async (page) => {
        for (const details of await page.locator('main details > summary').all()) await details.click();
        // The longest words that the bar may have to hold.
        await page.locator('.live').evaluate((it) => { it.lastChild.textContent = 'Reconnecting'; });
        const [wide, tooWide] = await page.evaluate(() => {
          const room = document.documentElement.clientWidth;
          const names = [...document.querySelectorAll('body *')]
            .filter((it) => it.getBoundingClientRect().right > room + 1 && it.closest('.unseen, .skip') === null)
            .map((it) => `${it.tagName.toLowerCase()}.${it.className}`);
          return [document.documentElement.scrollWidth - room, names.slice(0, 5)];
        });
        assert.ok(wide <= 0 && tooWide.length === 0, `${wide} px too wide: ${tooWide.join(', ')}`);
      }));
    }

    for (const colorScheme of ['light', 'dark']) {
      for (const width of [360, 1280]) {
        it(`has no serious fault for axe in ${colorScheme} at ${width} px`, () => visit(name, { colorScheme, viewport: { width, height: 900 } }, async (page) => {
          await page.addScriptTag({ content: AXE });
          const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
          const faults = result.violations.map((it) => `${it.impact} ${it.id}: ${it.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
          assert.deepEqual(faults, []);
        }));
      }
    }
  });
}
