// What is said when the server is away, has nothing, or has a registry with faults.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { evaluate, openTab, panelOf, startBrowser, startSite, vectors, verdict } from './site.mjs';

const NETWORK = [/ERR_FAILED|ERR_CONNECTION|Failed to load resource/];
const LEAKS = /\bat \w+.*:\d+:\d+|TypeError|RuntimeError|undefined|\[object/;

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.stop());

test('a server that goes away and comes back', async (t) => {
  const site = await startSite();
  t.after(() => site.stop());
  const page = await browser.open(site, '', { expects: NETWORK });
  await verdict(page);
  await page.route('**/api/**', (route) => route.abort());
  assert.equal(await evaluate(page, { User: 'U-2' }), 'Nothing to compare: the server has no answer.');
  assert.match(await page.locator('[data-side=server]').innerText(), /The server does not answer\. Is it running\?/);
  assert.match(
    await page.locator('.facts').innerText(),
    /registry version 1, read earlier/,
    'the browser goes on with what it has',
  );
  assert.match(await page.locator('.headline').innerText(), /OFF/);

  await openTab(page, 'Endpoints');
  await page.getByRole('button', { name: 'Try GET /api/flags/health' }).click();
  await panelOf(page, 'Endpoints').getByText('The server does not answer.').waitFor();
  await openTab(page, 'Parity');
  await panelOf(page, 'Parity').locator('.report').waitFor();
  await page.getByRole('button', { name: 'Run against the server' }).click();
  await panelOf(page, 'Parity').getByText('cannot be reached').waitFor();
  assert.doesNotMatch(await page.locator('body').innerText(), LEAKS);

  await page.unroute('**/api/**');
  await openTab(page, 'Run');
  assert.match(await evaluate(page, { User: 'U-3' }), /agree/);
  assert.deepEqual(page.problems, []);
});

test('a server that is away from the start', async (t) => {
  const site = await startSite();
  t.after(() => site.stop());
  const page = await browser.open(site, '', {
    expects: NETWORK,
    before: (opened) => opened.route('**/api/**', (route) => route.abort()),
  });
  assert.equal(await verdict(page), 'Nothing to compare: neither side answered.');
  const notice = page.locator('#notices .notice');
  assert.match(await notice.innerText(), /The server does not answer/);
  assert.match(await page.locator('#server').innerText(), /no answer/);
  assert.doesNotMatch(await page.locator('body').innerText(), LEAKS);
  await page.unroute('**/api/**');
  await notice.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Browser and server agree').waitFor();
  assert.equal(await page.locator('#notices').innerText(), '');
  assert.deepEqual(page.problems, []);
});

test('no snapshot yet', async (t) => {
  const site = await startSite({ snapshots: {}, vars: { FF_SOFT_TTL_MS: '0' } });
  t.after(() => site.stop());
  const page = await browser.open(site, '', { expects: [/status of 503/] });
  assert.equal(await verdict(page), 'Nothing to compare: neither side answered.');
  assert.match(
    await page.locator('#notices').innerText(),
    /The server has no snapshot to answer from \(503 registry_unavailable\)[\s\S]*Publish a snapshot/,
  );
  assert.match(await page.locator('#server').innerText(), /no snapshot/);
  await openTab(page, 'Endpoints');
  await page.getByRole('button', { name: 'Try GET /readyz' }).click();
  await panelOf(page, 'Endpoints').getByText('not ready: no snapshot').waitFor();
  assert.match(await panelOf(page, 'Endpoints').getByRole('status').innerText(), /^503 /);

  await openTab(page, 'Run');
  await site.publish('platform', vectors('registry'));
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Browser and server agree').waitFor();
  assert.doesNotMatch(await page.locator('body').innerText(), LEAKS);
  assert.deepEqual(page.problems, []);
});

test('a registry with warnings lists them', async (t) => {
  const registry = {
    tenant: 'platform',
    version: 9,
    flags: [{ key: 'good', rollout_stage: 'full' }, { key: 'bad', type: '<img src=x>' }, { key: 'good' }],
    overrides: [{ scope: 'user' }],
  };
  const site = await startSite({ snapshots: { platform: registry } });
  t.after(() => site.stop());
  const page = await browser.open(site, '#run?key=bad&user=U-1');
  assert.equal(await verdict(page), 'Browser and server agree: bad is off.');
  assert.match(await page.locator('.why').innerText(), /the flag is at fault/);
  assert.match(await page.locator('#run-key-about').innerText(), /at fault/);
  const notice = page.locator('#notices details');
  assert.match(await notice.locator('summary').innerText(), /The registry has 3 warnings/);
  await notice.locator('summary').click();
  const listed = await notice.locator('li').allInnerTexts();
  assert.deepEqual(
    listed.map((text) => text.split(' ').slice(0, 2)),
    [
      ['invalid_flag', '/flags/1/type'],
      ['duplicate_flag', '/flags/2'],
      ['invalid_override', '/overrides/0/id'],
    ],
  );
  assert.match(await page.locator('.facts').innerText(), /invalid_flag/);
  assert.deepEqual(page.problems, []);
});

test('a newer registry is read, and a server that is behind is said to be', async (t) => {
  const site = await startSite({ vars: { FF_SOFT_TTL_MS: '0' } });
  t.after(() => site.stop());
  const page = await browser.open(site);
  await verdict(page);
  const registry = vectors('registry');
  await site.publish('platform', {
    ...registry,
    version: 2,
    flags: [{ key: 'flags.registry_v1', rollout_stage: 'full' }],
  });
  assert.equal(await evaluate(page, {}), 'Browser and server agree: flags.registry_v1 is on.');
  assert.match(await page.locator('.facts').innerText(), /registry version 2/);
  assert.deepEqual(page.problems, []);
});

test('a server that does not open the synthetic registry', async (t) => {
  const site = await startSite({ vars: { FF_OPEN_REGISTRIES: '' } });
  t.after(() => site.stop());
  const page = await browser.open(site, '#auth', { expects: [/status of 400/] });
  await page.getByRole('button', { name: 'Ask the server' }).click();
  await panelOf(page, 'Auth matrix').getByText('does not open the synthetic registry').waitFor();
  await openTab(page, 'Parity');
  await panelOf(page, 'Parity').locator('.report').waitFor();
  await page.getByRole('button', { name: 'Run against the server' }).click();
  const report = panelOf(page, 'Parity').locator('.report.bad');
  await report.waitFor();
  assert.match(await report.innerText(), /FF_OPEN_REGISTRIES[\s\S]*parity BROKEN$/);
  assert.deepEqual(page.problems, []);
});

test('a module that does not arrive', async (t) => {
  const site = await startSite();
  t.after(() => site.stop());
  const page = await browser.open(site, '', {
    expects: [...NETWORK, /preload/],
    before: (opened) => opened.route('**/*.wasm', (route) => route.abort()),
  });
  assert.equal(await verdict(page), 'Nothing to compare: the browser has no answer.');
  assert.match(await page.locator('[data-side=browser]').innerText(), /The evaluator could not be loaded/);
  assert.match(await page.locator('.chain').innerText(), /Rollout stage/, 'the server’s answer is shown alone');
  await page.unroute('**/*.wasm');
  await page.getByRole('button', { name: 'Evaluate' }).click();
  assert.match(await verdict(page), /agree/);
  assert.deepEqual(page.problems, []);
});
