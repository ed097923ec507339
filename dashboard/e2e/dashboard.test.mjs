// Walks the dashboard as people do; BASE_URL names a running MoodBridge, without it the mock answers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { addresses, openBrowser, openSite, settle } from './browser.mjs';

const WITHIN_MS = 20_000;
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

/** Opens a page, hands it on, and fails on errors in its console. */
async function visit(address, act, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (line) => line.type() === 'error' && !line.text().startsWith('Failed to load resource') && faults.push(line.text()));
  page.setDefaultTimeout(WITHIN_MS);
  try {
    await page.goto(address);
    await act(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(faults, []);
}

describe('overview', () => {
  it('shows numbers, one request feeds them, and the live state is shown', () => visit('about:blank', async (page) => {
    let nOverviews = 0;
    page.on('request', (request) => request.url().includes('/v1/overview') && (nOverviews += 1));
    await page.goto(places.overview);
    await settle(page);
    const open = await page.textContent('[data-figure="n-open"] .figure-value');
    assert.match(open ?? '', /\d/);
    assert.ok(nOverviews >= 1 && nOverviews <= 3, `${nOverviews} requests`);
    await page.waitForSelector('[data-live="live"]');
    await page.waitForSelector('.plot canvas');
    assert.ok((await page.locator('.bars a').count()) > 0);
  }));

  it('moves by itself when a change arrives', () => visit(places.overview, async (page) => {
    await settle(page);
    await page.waitForSelector('[data-live="live"]');
    const newest = () => page.locator('.change').first().getAttribute('data-seq', { timeout: WITHIN_MS });
    const before = await newest();
    const lastChange = await page.getAttribute('[data-figure="freshness"] time', 'datetime');
    await page.waitForFunction((seq) => document.querySelector('.change')?.getAttribute('data-seq') !== seq, before);
    await page.waitForFunction((at) => document.querySelector('[data-figure="freshness"] time')?.getAttribute('datetime') !== at, lastChange);
  }));

  it('chart has a text and a table that say the same', () => visit(places.overview, async (page) => {
    await settle(page);
    assert.match((await page.getAttribute('.plot', 'aria-label')) ?? '', /30 days: [\d,]+ cases opened and [\d,]+ closed/);
    await page.getByRole('button', { name: 'Show table' }).click();
    assert.equal(await page.locator('.plot-table tbody tr').count(), 30);
  }));

  it('bar of a status leads to the cases with it', () => visit(places.overview, async (page) => {
    await settle(page);
    const status = await page.locator('.bars a .bar-name').first().textContent();
    await page.locator('.bars a').first().click();
    await settle(page);
    assert.equal(await page.inputValue('.field:has-text("Status") select'), status);
    const shown = await page.locator('.table-cases td[data-label="Status"]').allTextContents();
    assert.ok(shown.length > 0 && shown.every((it) => it === status), shown.join());
  }));
});

describe('cases', () => {
  it('search finds a case, and the address keeps it', () => visit(places.cases, async (page) => {
    await settle(page);
    const note = await page.locator('.table-cases .row-note').first().textContent();
    const docket = (note ?? '').split(' · ')[0] ?? '';
    await page.keyboard.press('/');
    await page.keyboard.type(docket);
    await page.waitForURL(`**/*search=${encodeURIComponent(docket)}*`);
    await page.waitForFunction((text) => [...document.querySelectorAll('.table-cases tbody tr')].every((row) => row.textContent.includes(text)), docket);
    await page.reload();
    await settle(page);
    assert.equal(await page.inputValue('input[type=search]'), docket);
    assert.ok((await page.locator('.table-cases tbody tr').count()) >= 1);
  }));

  it('search for nothing says what to do', () => visit(`${places.cases}?search=zzqqxxyy`, async (page) => {
    await page.getByText('No case matches').first().waitFor();
    await page.getByRole('button', { name: 'Clear search and filters' }).first().click();
    await page.waitForSelector('.table-cases tbody tr');
  }));

  it('more cases load on demand without showing one twice', () => visit(`${places.cases}?sort=docket_asc`, async (page) => {
    await settle(page);
    await page.getByRole('button', { name: 'Load more' }).press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.table-cases tbody tr').length > 50);
    const hrefs = await page.locator('.row-title').evaluateAll((all) => all.map((it) => it.getAttribute('href')));
    assert.equal(new Set(hrefs).size, hrefs.length);
  }));
});

describe('case', () => {
  it('shows facts, timeline, source and audit trail', () => visit(places.case, async (page) => {
    await settle(page);
    for (const name of ['Facts', 'Timeline', 'Exhibits', 'Communications', 'Source']) {
      await page.getByRole('heading', { name, exact: true, level: 2 }).waitFor();
    }
    await page.waitForSelector('.table-audit tbody tr');
    assert.match((await page.locator('.table-audit code').last().getAttribute('title')) ?? '', /^[0-9a-f]{64}$/);
  }));

  it('unknown id says so and leads on', () => visit(`${places.cases}/00000000-0000-8000-8000-000000000000`, async (page) => {
    await page.getByRole('heading', { name: 'Case not found' }).waitFor();
    await page.getByRole('link', { name: 'Search the cases' }).click();
    await page.waitForSelector('.table-cases tbody tr');
  }));
});

describe('integrations and queues', () => {
  it('integrations show their state in words', () => visit(places.integrations, async (page) => {
    await settle(page);
    assert.match((await page.locator('.card .pill').first().textContent()) ?? '', /Healthy|Degraded|Down|Unknown/);
  }));

  it('dead letters are listed with their reason, or their absence is', () => visit(places.queues, async (page) => {
    await settle(page);
    await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
    if ((await page.locator('.dead').count()) === 0) {
      await page.getByText('No dead letters').waitFor();
    } else {
      assert.notEqual(await page.locator('.dead-reason').first().textContent(), '');
    }
  }));

  it('selected dead letter is sent again after a confirmation', async (t) => {
    if (!site.isMock && process.env.MAY_REPLAY !== '1') return t.skip('would replay real messages');
    return visit(places.queues, async (page) => {
      await settle(page);
      await page.locator('.dead-check').first().press('Space');
      await page.getByRole('button', { name: 'Replay selected (1)' }).press('Enter');
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      assert.equal(await page.getByRole('dialog').count(), 0);
      const before = site.mock?.firm.dead.length;
      const answer = page.waitForResponse('**/dead-letters/replay');
      await page.getByRole('button', { name: 'Replay selected (1)' }).click();
      await page.getByRole('button', { name: 'Replay', exact: true }).click();
      assert.deepEqual(await (await answer).json(), { n_replayed: 1 });
      await page.waitForSelector('[data-result]');
      if (site.isMock) assert.equal(site.mock.firm.dead.length, before - 1);
    });
  });
});

describe('when the API fails', () => {
  it('problem is shown in its own words, and a retry brings the page back', () => visit('about:blank', async (page) => {
    let isDown = true;
    await page.route('**/v1/integrations', (route) => isDown
      ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Case store is busy', detail: 'try again soon' }) })
      : route.continue());
    await page.goto(places.integrations);
    await page.getByText('Case store is busy').waitFor();
    await page.getByText('try again soon').waitFor();
    isDown = false;
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByText('API calls left today').first().waitFor();
  }));

  it('lost stream is called reconnecting or offline, and live again afterwards', () => visit(places.overview, async (page) => {
    await page.waitForSelector('[data-live="live"]');
    await page.context().setOffline(true);
    await page.waitForSelector('[data-live="offline"], [data-live="reconnecting"]');
    await page.context().setOffline(false);
    await page.waitForSelector('[data-live="live"]');
  }));
});

describe('keyboard', () => {
  it('leads from the start of the page to a case and back', () => visit(places.overview, async (page) => {
    await settle(page);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to content');
    await tabTo(page, (it) => it.textContent === 'Cases' && it.closest('nav') !== null);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.table-cases tbody tr');
    await tabTo(page, (it) => it.classList.contains('row-title'));
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Timeline' }).waitFor();
    await tabTo(page, (it) => it.classList.contains('back'));
    await page.keyboard.press('Enter');
    await page.waitForSelector('.table-cases tbody tr');
  }));

  it('skip link leads past the navigation without leaving the page', () => visit(places.cases, async (page) => {
    await settle(page);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
    assert.match(page.url(), /#\/cases$/);
  }));
});

async function tabTo(page, isWanted) {
  for (let nTabs = 0; nTabs < 60; nTabs += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(`(${isWanted.toString()})(document.activeElement)`)) return;
  }
  assert.fail('60 steps of the Tab key did not lead there');
}

describe('theme', () => {
  it('choice of colours is remembered', () => visit(places.overview, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await ground();
    await page.getByRole('button', { name: 'Switch to dark colours' }).click();
    const dark = await ground();
    assert.notEqual(dark, before);
    await page.reload();
    await page.getByRole('button', { name: 'Switch to light colours' }).waitFor();
    assert.equal(await ground(), dark);
  }, { colorScheme: 'light' }));
});
