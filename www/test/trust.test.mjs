// The tabs of phase 2b, clicked through: tokens of a real issuer on loopback, stored rows, the gate with a real policy service, and
// the five use cases, against a server that verifies and one that only decodes.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { makeKey, startIssuer, unsigned } from '../../worker/test/issuer.mjs';
import { matrix } from '../src/data/auth-matrix.js';
import { openTab, panelOf, seeded, startBrowser, startSite, vectors } from './site.mjs';

const ISSUER = 'https://issuer.example';
const REFUSED = /status of 40[13]/;
const now = () => Math.floor(Date.now() / 1000);
const claimsOf = (claims = {}) => ({ sub: 'U-1', iss: ISSUER, aud: 'pty-feature-flags', exp: now() + 3600, ...claims });

const ends = [];
const snapshots = { platform: seeded(), parity: vectors('synthetic') };
const policy = { asked: [], says: { decision: 'allow', ttl_state: 'valid' } };
let browser;
let key;
let other;
let issuer;
let decoding;
let verifying;

before(async () => {
  [key, other] = await Promise.all([makeKey('ES256', 'k-1'), makeKey('ES256', 'k-2')]);
  issuer = await startIssuer({ after: (end) => ends.push(end) }, [key]);
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      policy.asked.push(JSON.parse(text));
      response.end(JSON.stringify(policy.says));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close(), () => server.closeAllConnections());
  decoding = await startSite({ snapshots });
  ends.push(() => decoding.stop());
  verifying = await startSite({
    snapshots,
    vars: {
      FF_VERIFY_MODE: 'verified',
      FF_JWT_ISSUER: ISSUER,
      POLICY_JWKS_URL: `http://${issuer.address}/jwks`,
      ADMIN_POLICY_URL: `http://127.0.0.1:${server.address().port}`,
    },
  });
  ends.push(() => verifying.stop());
  browser = await startBrowser();
  ends.push(() => browser.stop());
});
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** Pastes a token into the Token tab, asks, and gives the line; the tab is open already. */
async function present(page, token) {
  const panel = panelOf(page, 'Token');
  await panel.getByLabel('JWT', { exact: true }).fill(token);
  await panel.getByRole('button', { name: 'Ask the server' }).click();
  await panel.locator('.verdict:not(.pending)').filter({ hasNotText: 'Nothing was asked' }).waitFor();
  return panel.getByRole('status').innerText();
}

const applied = (page) => panelOf(page, 'Token').locator('tr.applied').getAttribute('data-row');
const situation = (id) => matrix.find((row) => row.id === id).situation;
/** The text beside a name in the facts that a panel, or a part of one, shows. */
const factOf = (place, name) => place.locator('.facts > div', { has: place.page().locator(`dt:text-is("${name}")`) }).locator('dd').allInnerTexts();

describe('Token', () => {
  test('shows the row that applied, in mode verified', async () => {
    const good = await key.sign(claimsOf());
    const page = await browser.open(verifying, '#token', { expects: [REFUSED] });
    const cases = [
      ['M-01', good],
      ['M-03', await other.sign(claimsOf())],
      ['M-04', await other.sign(claimsOf(), { kid: 'k-1' })],
      ['M-05', await key.sign(claimsOf({ aud: 'another' }))],
      ['M-06', await key.sign(claimsOf({ iss: 'https://another.example' }))],
      ['M-07', await key.sign(claimsOf({ exp: now() - 90 }))],
      ['M-07', await key.sign(claimsOf({ nbf: now() + 900 }))],
      ['M-08', unsigned({ alg: 'none' }, claimsOf())],
      ['M-09', 'no-token'],
      ['M-10', ''],
    ];
    let ran = 0;
    for (const [id, token] of cases) {
      assert.equal(await present(page, token), `${id} applied: ${situation(id)}.`);
      assert.equal(await applied(page), id);
      assert.equal(await panelOf(page, 'Token').locator('tr.applied').count(), 1);
      ran += 1;
    }
    assert.equal(ran, 10);
    await present(page, good);
    assert.deepEqual(await factOf(panelOf(page, 'Token'), 'Auth'), ['jwt']);
    assert.deepEqual(await factOf(panelOf(page, 'Token'), 'Server'), ['mode verified', 'RS256, ES256, EdDSA', 'keys fresh, 1 held']);
    assert.deepEqual(page.problems, []);
  });

  test('shows that keys cannot be had', async () => {
    const dark = await startSite({
      snapshots,
      vars: { FF_VERIFY_MODE: 'verified', FF_JWT_ISSUER: ISSUER, POLICY_JWKS_URL: 'http://127.0.0.1:9/jwks' },
    });
    try {
      const page = await browser.open(dark, '#token');
      assert.equal(await present(page, await key.sign(claimsOf())), `M-02 applied: ${situation('M-02')}.`);
      assert.deepEqual(await factOf(panelOf(page, 'Token'), 'Auth'), ['jwt_unverified', 'auth_not_verified', 'jwks_unreachable']);
      assert.deepEqual(page.problems, []);
    } finally {
      await dark.stop();
    }
  });

  test('decodes header, claims and times, and says what is no JWT', async () => {
    const page = await browser.open(decoding, '#token', { expects: [REFUSED] });
    const panel = panelOf(page, 'Token');
    const exp = now() + 7200;
    assert.equal(await present(page, `Bearer ${unsigned({ alg: 'RS256' }, claimsOf({ sub: 'Zoë', tenant_id: 'T-1', exp, nbf: 1 }))}`), `M-11 applied: ${situation('M-11')}.`);
    const claim = (name) => panel.locator(`[data-claim=${name}] td`).allInnerTexts();
    assert.deepEqual(await claim('sub'), ['Zoë', 'user_id']);
    assert.deepEqual(await claim('tenant_id'), ['T-1', 'tenant_id']);
    assert.deepEqual(await claim('tier'), ['left out', 'tier']);
    const [until, meaning] = await claim('exp');
    assert.ok(until.startsWith(new Date(exp * 1000).toISOString().replace('.000Z', 'Z')), until);
    assert.match(until, /in (1|2) hours?$/);
    assert.equal(meaning, 'valid until then');
    assert.deepEqual((await claim('nbf'))[1], 'valid since then');
    assert.match(await panel.getByRole('region', { name: 'Header of the token' }).innerText(), /"alg": "RS256"/);

    const field = panel.getByLabel('JWT', { exact: true });
    for (const [text, fault] of [
      ['abc', 'a JWT has three parts with dots between, and this has one'],
      ['a.b', 'a JWT has three parts with dots between, and this has 2'],
      ['a.b.c', 'the header is not JSON in base64url'],
      ['e30.???.c', 'the claims are not JSON in base64url'],
      ['W10.e30.c', 'the header must be a JSON object'],
    ]) {
      await field.fill(text);
      assert.equal(await panel.locator('.notice.bad').innerText(), `This is no JWT: ${fault}.`);
      assert.equal(await panel.getByRole('status').innerText(), 'Nothing was asked yet.');
    }
    assert.equal(await present(page, 'a.日.c'), 'A header cannot carry this token. It is one word of ASCII.');
    assert.deepEqual(page.problems, []);
  });

  test('keeps the token out of URLs, storage and the console, and forgets it', async () => {
    const token = await key.sign(claimsOf());
    const urls = [];
    const lines = [];
    const page = await browser.open(verifying, '#token', {
      before: (opened) => {
        opened.on('request', (request) => urls.push(request.url()));
        opened.on('console', (message) => lines.push(message.text()));
      },
    });
    await present(page, token);
    for (const name of ['Overrides', 'Sensitive gate', 'Use cases', 'Token']) await openTab(page, name);
    await page.waitForLoadState('networkidle');
    const kept = await page.evaluate(() =>
      JSON.stringify([location.href, document.cookie, { ...localStorage }, { ...sessionStorage }, history.state]),
    );
    const signature = token.split('.')[2];
    assert.ok(urls.length > 5);
    for (const text of [...urls, ...lines, kept]) assert.ok(!text.includes(signature));
    await panelOf(page, 'Token').getByRole('button', { name: 'Forget it' }).click();
    assert.equal(await page.getByLabel('JWT', { exact: true }).inputValue(), '');
    assert.ok(!(await page.content()).includes(signature));
    assert.equal(await panelOf(page, 'Token').locator('tr.applied').count(), 0);
    assert.deepEqual(page.problems, []);
  });
});

describe('Overrides', () => {
  test('lists the rows of a flag, those that have ended too', async () => {
    const page = await browser.open(decoding, '#overrides', { expects: [REFUSED] });
    const panel = panelOf(page, 'Overrides');
    const read = async (flag, line) => {
      await panel.getByLabel('Flag of the rows').fill(flag);
      await panel.getByRole('button', { name: 'Read the rows' }).click();
      await panel.getByText(line).waitFor();
    };
    await panel.getByText('flags.registry_v1 has 2 rows.').waitFor();
    await panel.getByText(/In all 8 rows, 1 of them ended/).waitFor();
    await read('cases.runtime_v1', 'cases.runtime_v1 has 3 rows.');
    const states = await panel.locator('tbody tr').evaluateAll((rows) => rows.map((row) => [row.dataset.id, row.querySelector('.pill').textContent]));
    assert.deepEqual(Object.fromEntries(states), { 'pty-override-2': 'applies', 'U-100002': 'applies', 'U-100003': 'has ended' });
    await read('wizard.runtime_v1', 'wizard.runtime_v1 has 2 rows.');
    assert.match(await panel.locator('[data-id=pty-override-1]').innerText(), /APP-100002-wizard/);
    await read('nobody.s', 'nobody.s has 0 rows.');
    await read('ff.cm.advanced_policy', /403 permission_denied/);
    await read('', 'Name a flag: its key is what is asked for.');
    assert.deepEqual(page.problems, []);
  });

  test("tells a verified caller of a sensitive flag's rows", async () => {
    const page = await browser.open(verifying, '#token');
    await present(page, await key.sign(claimsOf()));
    await openTab(page, 'Overrides');
    const panel = panelOf(page, 'Overrides');
    await panel.getByLabel('Flag of the rows').fill('ff.cm.advanced_policy');
    await panel.getByRole('button', { name: 'Read the rows' }).click();
    await panel.getByText('ff.cm.advanced_policy has 1 row.').waitFor();
    assert.match(await panel.locator('[data-id=U-100005]').innerText(), /APP-100001-abcd/);
    assert.deepEqual(page.problems, []);
  });
});

test('Sensitive gate: denied, allowed, ended, and not needed', async () => {
  const page = await browser.open(verifying, '#sensitive');
  const panel = panelOf(page, 'Sensitive gate');
  const pass = async () => {
    await panel.getByRole('button', { name: 'Ask at the gate' }).click();
    await panel.locator('.verdict:not(.pending)').waitFor();
    return panel.getByRole('status').innerText();
  };
  assert.match(await pass(), /^Denied: .*\(auth_not_verified\)\.$/);
  assert.deepEqual(await factOf(panel, 'Profile'), ['sensitive', 'requires an approval', 'row-sensitive-override']);
  assert.equal(policy.asked.length, 0);

  await openTab(page, 'Token');
  await present(page, await key.sign(claimsOf()));
  await openTab(page, 'Sensitive gate');
  await panel.getByLabel('Approval', { exact: true }).fill('APP-100001-abcd');
  policy.says = { decision: 'allow', ttl_state: 'valid' };
  assert.equal(await pass(), 'Allowed: ff.cm.advanced_policy answers as it is.');
  assert.equal(policy.asked.at(-1).approval_ref, 'APP-100001-abcd');
  assert.deepEqual(await factOf(panel, 'Approval'), ['APP-100001-abcd', 'ttl_state valid']);
  assert.deepEqual(await factOf(panel, 'Policy service'), ['configured', 'breaker closed', '0 failures']);
  policy.says = { decision: 'allow-with-warning', ttl_state: 'expiring', warning: 'soon' };
  assert.equal(await pass(), 'Allowed with a warning: ff.cm.advanced_policy answers as it is.');
  policy.says = { decision: 'allow', ttl_state: 'expired' };
  assert.match(await pass(), /\(approval_expired\)\.$/);
  policy.says = { decision: 'deny', ttl_state: 'none' };
  assert.match(await pass(), /\(policy_denied\)\.$/);
  await panel.getByLabel('Sensitive flag', { exact: true }).fill('flags.registry_v1');
  assert.equal(await pass(), 'flags.registry_v1 is not sensitive: nobody was asked.');
  assert.deepEqual(page.problems, []);
});

describe('Use cases', () => {
  const IDS = ['01', '02', '03', '04', '05'].map((number) => `UC-FF2B+-${number}`);

  /** Clicks every preset, and gives each one's part of the page by its id, with the line. */
  async function runAll(page) {
    const lines = {};
    for (const id of IDS) {
      const part = page.locator(`[data-case="${id}"]`);
      await part.getByRole('button', { name: `(${id})` }).click();
      await part.locator('.verdict:is(.agree, .differ, .none)').filter({ hasNotText: 'Not asked yet.' }).waitFor();
      lines[id] = [await part.locator('.verdict').getAttribute('class'), await part.getByRole('status').innerText()];
    }
    return lines;
  }

  test('all five hold where tokens are only decoded', async () => {
    const page = await browser.open(decoding, '#cases');
    assert.deepEqual(await page.locator('[data-case]').evaluateAll((all) => all.map((part) => part.dataset.case)), IDS);
    const lines = await runAll(page);
    const backing = (await (await fetch(`${decoding.url}/api/flags/health`)).json()).data.backing_state;
    assert.deepEqual(lines[IDS[0]], ['verdict agree', 'Mode decode-only answers, and warns (M-11).']);
    assert.deepEqual(lines[IDS[1]], ['verdict agree', `The row of tenant pty-override-1 decides, from ${backing}.`]);
    assert.deepEqual(lines[IDS[2]], ['verdict agree', 'The row of user U-100001 stands before that of tenant pty-override-1.']);
    assert.match(lines[IDS[3]].join(' '), /^verdict agree The cache answered (hit|miss|stale), then (hit|stale); .*: 304\.$/);
    assert.deepEqual(lines[IDS[4]], ['verdict agree', 'Denied: auth_not_verified.']);
    const precedence = page.locator(`[data-case="${IDS[2]}"]`);
    assert.deepEqual(await factOf(precedence, 'Source'), ['store_user_override, user_override_precedence']);
    assert.match((await factOf(precedence, 'Consulted, top to bottom'))[0], /^kill_switch: absent → .*store_user_override: match$/);
    assert.deepEqual(page.problems, []);
  });

  test('all five hold where tokens are verified', async () => {
    policy.says = { decision: 'allow', ttl_state: 'valid' };
    const page = await browser.open(verifying, '#token', { expects: [REFUSED] });
    await openTab(page, 'Use cases');
    const without = await runAll(page);
    assert.match(without[IDS[0]].join(' '), /^verdict agree Mode verified refuses \(M-0[48]\)\.$/);
    for (const id of IDS.slice(1, 4)) assert.equal(without[id][0], 'verdict agree', `${id} ${without[id][1]}`);
    assert.deepEqual(without[IDS[4]], ['verdict agree', 'Denied: auth_not_verified.']);

    await openTab(page, 'Token');
    await present(page, await key.sign(claimsOf({ sub: 'U-100001', approval_ref: 'APP-100001-abcd' })));
    await openTab(page, 'Use cases');
    const lines = await runAll(page);
    assert.deepEqual(lines[IDS[4]], ['verdict agree', 'Allowed, ttl_state valid.']);
    assert.deepEqual(await factOf(page.locator(`[data-case="${IDS[4]}"]`), 'Approval'), ['APP-100001-abcd, valid']);
    assert.deepEqual(lines[IDS[2]], ['verdict agree', 'The row of user U-100001 stands before that of tenant pty-override-1.']);
    const elsewhere = "The token names another user or tenant: empty the Token tab's field.";
    assert.deepEqual(lines[IDS[1]], ['verdict none', elsewhere], 'the row of U-100001 stands before the tenant’s');
    policy.says = { decision: 'allow', ttl_state: 'expired' };
    assert.deepEqual((await runAll(page))[IDS[4]], ['verdict agree', 'Denied: approval_expired.']);
    assert.deepEqual(page.problems, []);
  });

  test('say so where the store has no rows', async () => {
    const bare = await startSite();
    try {
      const page = await browser.open(bare, '#cases');
      const lines = await runAll(page);
      for (const id of [IDS[1], IDS[2]]) {
        assert.equal(lines[id][0], 'verdict none', id);
        assert.match(lines[id][1], /^The store has no row that shows it/);
      }
      assert.deepEqual(page.problems, []);
    } finally {
      await bare.stop();
    }
  });
});
