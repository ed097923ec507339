// Editing a case, deciding conflicts and sending refused records again, by keyboard where it matters.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { askApi, openBrowser, openSite, settle } from './browser.mjs';

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

async function visit(address, act, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  try {
    await page.goto(`${site.base}/${address}`);
    await settle(page);
    await act(page);
  } finally {
    await context.close();
  }
}

// What these tests change is meant for the mock: a running MoodBridge may hold real cases.
const onMock = process.env.BASE_URL === undefined || process.env.BASE_URL === '' ? {} : { skip: 'only on the mock' };

describe('case page', onMock, () => {
  it('changes a field in place and says that it waits', async () => {
    const { items } = await askApi(site.base, '/v1/cases?limit=1&state=open');
    await visit(`#/cases/${items[0].id}`, async (page) => {
      await page.click('text=Edit');
      await page.fill('#edit-priority', 'Low');
      await page.fill('#edit-docket_number', 'x'.repeat(41));
      await page.press('#edit-docket_number', 'Enter');
      await page.waitForSelector('#edit-docket_number-fault');
      assert.match(await page.textContent('#edit-docket_number-fault'), /at most 40 characters/);
      await page.fill('#edit-docket_number', '2026-CV-0001');
      await page.press('#edit-docket_number', 'Enter');
      await page.waitForSelector('[data-state="waiting"]');
      await page.waitForSelector('[data-outbox="waiting"]');
    });
  });
});

describe('conflicts', onMock, () => {
  it('are compared side by side and decided by keyboard', () => visit('#/conflicts', async (page) => {
    const before = await page.locator('.letters-dead > li').count();
    await page.locator('.letters-dead a').first().press('Enter');
    await page.waitForSelector('.table-conflict');
    const heads = await page.locator('.table-conflict thead th').allTextContents();
    assert.deepEqual(heads, ['Field', 'Ours', 'Before', 'Theirs', 'Decision']);
    const rows = await page.locator('.table-conflict tbody tr').count();
    await page.getByRole('button', { name: 'All theirs' }).press('Enter');
    await page.getByRole('button', { name: /Save \d+ decision/ }).press('Enter');
    await page.waitForSelector('[role="status"].result');
    await page.click('text=All conflicts');
    await settle(page);
    await page.waitForFunction((n) => document.querySelectorAll('.letters-dead > li').length === n, before - rows);
  }));

  it('are decided all at once after a question', () => visit('#/conflicts', async (page) => {
    await page.click('text=Keep all ours');
    await page.waitForSelector('dialog[open]');
    await page.click('dialog >> text=Decide all');
    await page.waitForSelector('text=Nothing to decide');
    await page.click('label:has-text("Resolved")');
    await page.waitForSelector('text=Ours stands');
  }));
});

describe('sync page', onMock, () => {
  it('shows accuracy and reasons, sends again and lets deletions through', () => visit('#/sync', async (page) => {
    await page.waitForSelector('text=99.');
    await page.waitForSelector('text=A validation rule');
    const before = await page.locator('.letters-dead > li').count();
    await page.getByRole('button', { name: /Send again/ }).first().click();
    await page.waitForFunction((n) => document.querySelectorAll('.letters-dead > li').length === n, before - 1);
    await page.getByRole('button', { name: /Let through/ }).click();
    await page.locator('dialog').getByRole('button', { name: 'Let through' }).click();
    await page.waitForSelector('.pill:has-text("Let through")');
  }));
});
