// The Run tab: two answers, whether they agree, and what is said when they do not or are missing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { evaluate, openTab, startBrowser, startSite, verdict } from './site.mjs';

let site;
let browser;
before(async () => {
  site = await startSite();
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});

const cell = (page, field, side) => page.locator(`tr[data-field=${field}] td[data-label=${side}]`).innerText();

test('a page that is opened has answered', async () => {
  const page = await browser.open(site);
  assert.equal(await verdict(page), 'Browser and server agree: flags.registry_v1 is off.');
  assert.equal(await cell(page, 'reason', 'Browser'), '"stage_draft"');
  assert.equal(await cell(page, 'reason', 'Server'), '"stage_draft"');
  assert.match(await page.locator('.headline .why').innerText(), /the stage is draft/);
  assert.match(await page.locator('#server').innerText(), /^platform v1 · 11 flags · evaluator /);
  assert.equal(await page.locator('#notices').innerText(), '');
  assert.match(await page.locator('.facts').innerText(), /cache (hit|miss)/);
  await page.locator('#run-flags option').nth(10).waitFor({ state: 'attached' });
  assert.equal(await page.locator('#run-flags option').count(), 11);
  assert.deepEqual(page.problems, []);
});

test('several flags agree, each decided in another way', async () => {
  const page = await browser.open(site, '#run?registry=parity&key=syn.staged_25&user=bucket-low-1');
  assert.equal(await verdict(page), 'Browser and server agree: syn.staged_25 is on.');
  assert.equal(await cell(page, 'bucket', 'Server'), '4');
  assert.equal(await page.getByRole('img', { name: 'bucket 4, threshold 25' }).count(), 1);
  const cases = [
    [{ Flag: 'syn.staged_25', User: 'U-élève-😀' }, /is (on|off)\.$/, 'staged_bucket'],
    [{ Flag: 'syn.per_env', Environment: 'staging', Tier: 'staff' }, /is on\.$/, 'rollout_stage_map'],
    [{ Flag: 'syn.override', User: 'U-9' }, /is on\.$/, 'store_user_override'],
    [{ Flag: 'syn.override', User: 'U-2', Tenant: 'T-held' }, /is off\.$/, 'store_tenant_override'],
    [{ Flag: 'syn.paused', Tenant: '' }, /is off\.$/, 'rollout_stage_map'],
    [{ Flag: 'nowhere' }, /is off\.$/, 'unknown_flag'],
    [{ Registry: '', Flag: 'ff.cm.advanced_policy' }, /is off\.$/, 'sensitive'],
  ];
  for (const [fields, expected, source] of cases) {
    const line = await evaluate(page, fields);
    assert.match(line, /^Browser and server agree: /, JSON.stringify(fields));
    assert.match(line, expected);
    for (const side of ['Browser', 'Server']) assert.equal(await cell(page, 'source', side), `"${source}"`);
  }
  assert.deepEqual(page.problems, []);
});

test('every example can be chosen, and agrees', async () => {
  const page = await browser.open(site);
  await verdict(page);
  const select = page.getByLabel('Start from an example');
  const options = await select.locator('optgroup option').evaluateAll((list) => list.map((option) => option.value));
  assert.equal(options.length, 19);
  for (const value of options) {
    await select.selectOption(value);
    assert.match(await verdict(page), /^Browser and server agree: /, value);
  }
  await page.getByLabel('User', { exact: true }).fill('somebody');
  assert.equal(await select.inputValue(), '', 'an input of one’s own is no example');
  assert.deepEqual(page.problems, []);
});

test('overrides and other attributes are asked for in a batch', async () => {
  const page = await browser.open(site);
  await verdict(page);
  await page.getByText('Overrides and other attributes').click();
  const asked = page.waitForRequest((request) => request.method() === 'POST');
  const line = await evaluate(page, {
    'Overrides, for this request alone (JSON)': '{"user": {"flags.registry_v1": true}}',
    'Other attributes (JSON)': '{"country": "CA", "level": 3}',
  });
  assert.equal(line, 'Browser and server agree: flags.registry_v1 is on.');
  assert.deepEqual((await asked).postDataJSON(), {
    context: { country: 'CA', level: 3, user_id: 'U-1', tier: 'staff', env: 'prod' },
    flags: ['flags.registry_v1'],
    overrides: { user: { 'flags.registry_v1': true } },
  });
  assert.equal(
    await evaluate(page, { 'Overrides, for this request alone (JSON)': '{"user": {"flags.registry_v1": "purple"}}' }),
    'Browser and server agree: flags.registry_v1 is off.',
  );
  assert.match(await page.locator('.chain').innerText(), /names no variant of the flag/);
  assert.match(await page.locator('.facts').innerText(), /override_unknown_variant/);
  assert.deepEqual(page.problems, []);
});

test('the chain is a list that says what was compared', async () => {
  const page = await browser.open(site, '#run?registry=parity&key=syn.per_env&user=U-1&env=staging&tier=staff');
  await verdict(page);
  const steps = await page.locator('.chain li').allInnerTexts();
  assert.equal(steps.length, 7);
  assert.match(steps[0], /^Kill switch/);
  assert.match(
    steps[6],
    /Rollout stage[\s\S]*decides[\s\S]*stage internal, from the map for staging · reads tier · variant on/,
  );
  assert.equal(await page.locator('.chain li.decides').count(), 1);
  await page.getByText('As JSON').click();
  assert.match(
    await page.getByRole('region', { name: "The browser's explanation" }).innerText(),
    /"attribute": "tier"/,
  );
  assert.match(await page.getByRole('region', { name: "The server's envelope" }).innerText(), /"request_id"/);
});

test('a disagreement is shown as one, field by field', async () => {
  const page = await browser.open(site, '#run?registry=parity&key=syn.staged_25&user=bucket-low-1', {
    before: (opened) =>
      opened.route('**/api/flags/eval?*', async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        body.data.enabled = false;
        body.data.bucket = 44;
        delete body.data.rollout_stage;
        body.data.reason_chain[2].outcome = 'match';
        body.data.meta.snapshot_version = 7;
        await route.fulfill({ response, json: body });
      }),
  });
  assert.equal(await verdict(page), 'Browser and server differ in 4 fields.');
  assert.match(await page.locator('#run-verdict').getAttribute('class'), /differ/);
  const rows = page.locator('.differences tbody tr');
  assert.deepEqual(await rows.locator('th').allInnerTexts(), [
    '/enabled',
    '/bucket',
    '/reason_chain/2/outcome',
    '/rollout_stage',
  ]);
  assert.deepEqual(await rows.first().locator('td').allInnerTexts(), ['true', 'false']);
  assert.deepEqual(await rows.nth(3).locator('td').allInnerTexts(), ['"staged_25"', '(left out)']);
  assert.match(await page.locator('.headline').innerText(), /^The browser's answer/);
  const marked = page.locator('.fields tr.differs');
  assert.deepEqual(await marked.evaluateAll((list) => list.map((row) => row.dataset.field)), [
    'enabled',
    'bucket',
    'rollout_stage',
  ]);
  for (const text of await marked.locator('th').allInnerTexts()) assert.match(text, /differs$/, 'not by colour alone');
  assert.match(await page.locator('.chain li.differs').innerText(), /the server has\s+inline_tenant_override: match/);
  assert.match(await page.locator('.differences .note').innerText(), /read version 1 .* from version 7/);
  assert.deepEqual(page.problems, []);
});

test('meta alone is no disagreement', async () => {
  const page = await browser.open(site, '', {
    before: (opened) =>
      opened.route('**/api/flags/eval?*', async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        body.data.meta = { cache: 'stale', warnings: ['refresh_failed'] };
        await route.fulfill({ response, json: body });
      }),
  });
  assert.match(await verdict(page), /^Browser and server agree: /);
  assert.match(await page.locator('.facts').innerText(), /refresh_failed/);
});

test('an input that cannot be used is named, and nothing is asked', async () => {
  const page = await browser.open(site);
  await verdict(page);
  assert.match(await evaluate(page, { Flag: '' }), /^Not evaluated\. Name a flag/);
  const key = page.getByLabel('Flag', { exact: true });
  assert.equal(await key.getAttribute('aria-invalid'), 'true');
  assert.ok(await key.evaluate((field) => field === document.activeElement));
  await key.fill('flags.registry_v1');
  await page.getByText('Overrides and other attributes').click();
  for (const [text, message] of [
    ['{', 'this is not JSON yet'],
    ['[1]', 'must be a JSON object'],
  ]) {
    assert.match(await evaluate(page, { 'Overrides, for this request alone (JSON)': text }), new RegExp(message));
    assert.match(await page.locator('#run-overrides-fault').innerText(), new RegExp(message));
  }
  assert.match(await evaluate(page, { 'Overrides, for this request alone (JSON)': '' }), /agree/);
  assert.equal(await page.locator('[aria-invalid]').count(), 0);
  assert.deepEqual(page.problems, []);
});

test('what the server refuses is told in its words', async () => {
  const page = await browser.open(site, '', { expects: [/status of 400/] });
  await verdict(page);
  assert.equal(await evaluate(page, { User: '' }), 'Nothing to compare: the server has no answer.');
  assert.match(
    await page.locator('[data-side=server]').innerText(),
    /400 invalid_request.*the user is missing.*X-PTT-User-Id/,
  );
  assert.match(await evaluate(page, { User: 'U-1', Registry: 'somebody' }), /neither side answered/);
  assert.match(await page.locator('[data-side=both]').innerText(), /registry that is not open/);
  assert.doesNotMatch(await page.locator('body').innerText(), /\bat .*\.js|TypeError|undefined/);
  assert.deepEqual(page.problems, []);
});

test('an answer that no longer belongs to the inputs says so', async () => {
  const page = await browser.open(site);
  await verdict(page);
  await page.getByLabel('User', { exact: true }).fill('U-2');
  assert.equal(await page.locator('#run-results[data-stale]').count(), 1);
  await page.getByLabel('User', { exact: true }).press('Enter');
  assert.match(await verdict(page), /agree/);
  assert.equal(await page.locator('#run-results[data-stale]').count(), 0);
});

test('a link restores the case, and a case makes a link', async () => {
  const fragment = `#curl?registry=parity&key=syn.override&user=${encodeURIComponent('a&b=ü')}&overrides=${encodeURIComponent('{"tenant":{"syn.override":true}}')}`;
  const page = await browser.open(site, fragment);
  assert.equal(await page.getByRole('tab', { name: 'curl samples' }).getAttribute('aria-selected'), 'true');
  await openTab(page, 'Run');
  assert.equal(await verdict(page), 'Browser and server agree: syn.override is on.');
  assert.equal(await page.getByLabel('User', { exact: true }).inputValue(), 'a&b=ü');
  assert.equal(await page.getByLabel('Tier', { exact: true }).inputValue(), '', 'a link’s case is whole');
  assert.ok(await page.locator('#run-more').evaluate((more) => more.open));

  await evaluate(page, { User: 'U-1' });
  await page.getByRole('button', { name: 'Copy link a link to this case' }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(link, page.url());
  const other = await browser.open(site, new URL(link).hash);
  assert.equal(await verdict(other), 'Browser and server agree: syn.override is on.');
  assert.equal(await other.getByLabel('User', { exact: true }).inputValue(), 'U-1');

  await page.goBack();
  assert.equal(await page.getByRole('tab', { name: 'curl samples' }).getAttribute('aria-selected'), 'true');
  assert.deepEqual(page.problems, []);
});
