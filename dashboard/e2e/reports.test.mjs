// A report is asked for, followed until it is there, and fetched.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { openBrowser, openSite, settle } from './browser.mjs';

let browser;
let site;

before(async () => {
  site = await openSite();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

it('report of the firm is made and fetched as PDF', async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce', acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${site.base}/#/reports`);
  await settle(page);
  const rows = page.locator('section[aria-labelledby=made] tbody tr');
  const nBefore = await rows.count();
  await page.locator('section[aria-labelledby=definitions] tr:has-text("month by month") button').press('Enter');
  await page.waitForSelector('dialog[open]');
  await page.locator('dialog button.button-main').press('Enter');
  await rows.nth(nBefore).waitFor();
  const first = rows.first();
  await first.locator('.pill:has-text("Ready")').waitFor();
  const download = page.waitForEvent('download');
  await first.locator('button:has-text("PDF")').click();
  const file = await download;
  assert.match(file.suggestedFilename(), /^firm-monthly-.*\.pdf$/);
  if (!site.isMock) assert.equal(readFileSync(await file.path()).subarray(0, 5).toString(), '%PDF-');
  await context.close();
});
