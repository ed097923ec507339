// People sign in at a real issuer: code with PKCE, renewal in mid-session, refusals, sign-out.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openBrowser, settle } from './browser.mjs';
import { missingProvider, startProvider, startServer } from './provider.mjs';

const LIFE_SECONDS = 8;
const skip = missingProvider();
let browser;
let provider;
let server;
let serverWithoutRefresh;
let longProvider;
let longServer;

before(async () => {
  if (skip !== undefined) return;
  const loopback = ['http://127.0.0.1/'];
  provider = await startProvider({
    accessTokenSeconds: LIFE_SECONDS,
    moreClients: [{
      client_id: 'no-refresh', application_type: 'native', token_endpoint_auth_method: 'none', redirect_uris: loopback,
      post_logout_redirect_uris: loopback, grant_types: ['authorization_code'],
    }],
  });
  server = await startServer(provider.issuer, 'moodbridge-dashboard');
  serverWithoutRefresh = await startServer(provider.issuer, 'no-refresh');
  longProvider = await startProvider();
  longServer = await startServer(longProvider.issuer, 'moodbridge-dashboard');
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await serverWithoutRefresh?.stop();
  await longServer?.stop();
  provider?.stop();
  longProvider?.stop();
});

/** Opens a page in a browser that nobody used before. */
async function visit(act) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.setDefaultTimeout(30_000);
  try {
    await act(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(faults, []);
}

/** Opens `address` and chooses a person on the issuer's page. */
async function signIn(page, address, name) {
  await page.goto(address);
  await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
  await page.getByRole('link', { name }).click();
}

describe('at the firm\'s issuer', { skip }, () => {
  it('direct link leads through the issuer and back to the page, without a token or code in any place that stays', () => visit(async (page) => {
    await signIn(page, `${server.base}/#/cases?state=open`, 'Lena Lawyer');
    await page.getByRole('heading', { name: 'Cases', level: 1 }).waitFor();
    assert.equal(page.url(), `${server.base}/#/cases?state=open`);
    await page.waitForSelector('[data-person="lena"]');
    await page.waitForSelector('[data-live="live"]');
    assert.equal(await page.getByText('Nobody has to sign in').count(), 0);
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.doesNotMatch(kept, /eyJ|token|verifier/);
    // Reloading asks the issuer, who knows the reader.
    await page.reload();
    await page.waitForSelector('[data-person="lena"]');
    assert.equal(page.url(), `${server.base}/#/cases?state=open`);
  }));

  it('roles of the token decide what is shown', () => visit(async (page) => {
    await signIn(page, `${server.base}/#/queues`, 'Clara Client');
    await page.waitForSelector('[data-missing="queues:read"]');
    assert.deepEqual(await page.locator('nav.places a').allTextContents(), ['Cases']);
    assert.equal(await page.locator('[data-live]').count(), 0);
  }));

  it('token that ends is renewed in mid-session, unseen', () => visit(async (page) => {
    await signIn(page, `${server.base}/#/`, 'Anna Admin');
    await page.waitForSelector('[data-live="live"]');
    const { '/auth': nAsked, '/token': nTokens } = await provider.admin('calls');
    const navigations = [];
    page.on('framenavigated', (frame) => navigations.push(frame.url()));
    await page.waitForTimeout(LIFE_SECONDS * 1_500);
    const answer = page.waitForResponse('**/v1/cases**');
    await page.getByRole('link', { name: 'Cases', exact: true }).click();
    assert.equal((await answer).status(), 200);
    await settle(page);
    const calls = await provider.admin('calls');
    assert.ok(calls['/token'] > nTokens, 'no token was renewed');
    assert.equal(calls['/auth'], nAsked, 'the reader was sent to the issuer again');
    assert.deepEqual(navigations.filter((it) => !it.startsWith(server.base)), []);
    await page.waitForSelector('[data-live="live"]');
  }));

  it('token that is refused in mid-session is replaced, and the request sent again', () => visit(async (page) => {
    await signIn(page, `${longServer.base}/#/cases`, 'Vera Viewer');
    await settle(page);
    const tokens = [];
    await page.route('**/v1/overview**', (route) => {
      tokens.push(route.request().headers().authorization);
      if (tokens.length > 1) return route.continue();
      return route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"title":"Sign in","detail":"the token was not accepted: its key was withdrawn"}' });
    });
    // Right after it was given, a refused token would be refused again, and is not replaced.
    await page.waitForTimeout(10_500);
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    await settle(page);
    assert.ok(tokens.length > 1 && tokens[0] !== tokens[1], 'the token was not replaced');
    assert.equal(await page.locator('.problem').count(), 0);
  }));

  it('without a refresh token the issuer is asked again, and leads back to the page', () => visit(async (page) => {
    await signIn(page, `${serverWithoutRefresh.base}/#/cases?sort=title_asc`, 'Paul Paralegal');
    await page.waitForSelector('[data-person="paul"]');
    const { '/auth': nAsked } = await provider.admin('calls');
    await page.waitForTimeout(LIFE_SECONDS * 1_000);
    const back = page.waitForResponse('**/v1/me');
    await page.getByRole('link', { name: 'Overview', exact: true }).click();
    assert.equal((await back).status(), 200);
    await page.waitForSelector('[data-person="paul"]');
    assert.match(page.url(), /#\/$/);
    assert.ok((await provider.admin('calls'))['/auth'] > nAsked);
  }));

  it('refusal of the issuer is told in words, and can be tried again', () => visit(async (page) => {
    await signIn(page, `${server.base}/#/`, 'Nobody');
    await page.getByRole('heading', { name: 'You were not signed in' }).waitFor();
    await page.getByText('the person said no').waitFor();
    assert.doesNotMatch(page.url(), /code=|state=|error=/);
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByRole('link', { name: 'Otto Operator' }).click();
    await page.waitForSelector('[data-person="otto"]');
  }));

  it('answer that was not asked for here is refused', () => visit(async (page) => {
    await page.goto(`${server.base}/?code=stolen&state=forged`);
    await page.getByRole('heading', { name: 'This sign-in was not begun here' }).waitFor();
    assert.doesNotMatch(page.url(), /code=/);
  }));

  it('sign-out ends the session at the issuer too', () => visit(async (page) => {
    await signIn(page, `${server.base}/#/cases`, 'Lena Lawyer');
    await page.waitForSelector('[data-person="lena"]');
    await page.locator('.menu summary').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: /yes/i }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
  }));

  it('missing client of the dashboard names the setting', () => visit(async (page) => {
    await page.route('**/auth/config', (route) => route.fulfill({ json: { mode: 'oidc', issuer: provider.issuer, client_id: null, audience: 'a', scopes: ['openid'] } }));
    await page.goto(`${server.base}/`);
    await page.getByText('identity.dashboard_client_id').waitFor();
  }));

  it('issuer that is down is told in words', () => visit(async (page) => {
    await provider.admin('outage', { status: 503 });
    try {
      await page.goto(`${server.base}/`);
      await page.getByRole('heading', { name: /The issuer (does not say|cannot be reached)/ }).waitFor();
    } finally {
      await provider.admin('outage', {});
    }
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
  }));
});
