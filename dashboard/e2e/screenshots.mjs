// Takes a picture of every page, wide and narrow, light and dark: `node e2e/screenshots.mjs FOLDER [--full]`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addresses, openBrowser, openSite, settle } from './browser.mjs';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node e2e/screenshots.mjs FOLDER [--full]');
  process.exit(64);
}
mkdirSync(folder, { recursive: true });
const site = await openSite();
const browser = await openBrowser();
try {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 360]) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: width === 360 ? 740 : 860 }, deviceScaleFactor: width === 360 ? 2 : 1 });
      const page = await context.newPage();
      for (const [name, address] of Object.entries(await addresses(site.base))) {
        await page.goto('about:blank');
        await page.goto(address);
        await settle(page);
        if (name === 'overview') await page.waitForSelector('.plot canvas');
        await page.waitForTimeout(900);
        const file = join(folder, `${name}-${width}-${colorScheme}.png`);
        await page.screenshot({ path: file, fullPage: process.argv.includes('--full') });
        console.log(file);
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await site.stop();
}
