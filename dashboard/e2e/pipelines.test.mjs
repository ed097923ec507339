// Pipelines as an operator works with them: a fault is read, a run is started, followed, ended and done again.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
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

async function visit(address, act) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  try {
    await page.goto(`${site.base}/${address}`);
    await settle(page);
    await act(page);
  } finally {
    await context.close();
  }
}

const isReal = (process.env.BASE_URL ?? '') !== '';
const onMock = isReal ? { skip: 'only on the mock' } : {};
const folder = process.env.PIPELINES ?? '';
const onReal = isReal && folder !== '' ? {} : { skip: 'only where PIPELINES is the folder of a running MoodBridge' };

describe('pipelines', onMock, () => {
  it('a broken one says where, and cannot be run', () => visit('#/pipelines', async (page) => {
    await page.click('text=payments');
    await page.waitForSelector('.faults');
    assert.match(await page.textContent('.faults'), /payments\.yaml:9.*did you mean `amount`/);
    assert.equal(await page.locator('text=Run now').count(), 0);
  }));

  it('a run is started by keyboard, cancelled, and done again', () => visit('#/pipelines/clean-cases', async (page) => {
    await page.locator('text=Run now').press('Enter');
    await page.waitForSelector('dialog[open]');
    await page.locator('dialog button.button-main').press('Enter');
    await page.waitForURL(/#\/runs\//);
    await page.waitForSelector('.lead .pill:has-text("Queued")');
    await page.click('text=Cancel');
    await page.waitForSelector('.lead .pill:has-text("Cancelled")');
    await page.click('text=Do the rest again');
    await page.waitForSelector('.lead .pill:has-text("Queued")');
  }));

  it('its schedule and when it is due next are told', () => visit('#/pipelines', async (page) => {
    assert.match(await page.textContent('tr:has-text("clean-cases")'), /each day at 06:00 UTC/);
    assert.equal(await page.locator('tr:has-text("payments") .row-note').count(), 0);
    await page.click('text=clean-cases');
    await page.waitForSelector('#definition');
    assert.match(await page.textContent('.facts:has-text("Runs by itself")'), /each day at 06:00 UTC, next in \d+/);
    assert.ok(await page.locator('tr:has-text("the clock")').count() > 0);
  }));

  it('each column of the strip leads to its run', () => visit('#/pipelines/clean-cases', async (page) => {
    assert.equal(await page.locator('.strip-run').count(), 30);
    const shut = page.locator('.strip-run.tone-warn');
    assert.match(await shut.textContent(), /99\.\d\d % good, gate shut/);
    await shut.press('Enter');
    await page.waitForSelector('.run-why');
    assert.match(await page.textContent('.run-why'), /99\.5 % must pass/);
  }));
});

describe('a running MoodBridge', onReal, () => {
  it('runs a pipeline that is asked for here, and tells how good its rows were', async () => {
    const files = join(dirname(folder), 'dashboard-files');
    mkdirSync(files, { recursive: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(files, 'in.csv'), 'id,fee\na,1\nb,\nc,3\nd,4\n');
    writeFileSync(join(folder, 'from-dashboard.yaml'), `
pipeline: from-dashboard
source: {at: "file:${files}/in.csv", columns: [{name: id}, {name: fee, type: long}]}
rules: [{not_null: fee}]
threshold: 50
sink: {at: "file:${files}/out.parquet"}
quarantine: {at: "file:${files}/rejects.csv"}
`);
    await visit('#/pipelines/from-dashboard', async (page) => {
      await page.click('text=Run now');
      await page.click('dialog button.button-main');
      await page.waitForSelector('.lead .pill:has-text("Succeeded")');
      await page.waitForSelector('tr:has-text("not_null_fee") .pill:has-text("Broken")');
      await page.click('.back');
      await page.waitForSelector('.figure-value');
      assert.equal(await page.textContent('.figure-value'), '75.00 %');
    });
  });
});
