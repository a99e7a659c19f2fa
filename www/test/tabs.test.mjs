// Each tab by mouse, and the tabs by keyboard.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { contract, endpoints, errors, operations, remote } from '../src/data/contract.js';
import { matrix } from '../src/data/auth-matrix.js';
import { openTab, panelOf, startBrowser, startSite, vectors, verdict } from './site.mjs';

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

const NAMES = [
  'Run',
  'Endpoints',
  'Auth matrix',
  'Token',
  'Overrides',
  'Sensitive gate',
  'Use cases',
  'curl samples',
  'Raw contract',
  'Parity',
];
const CURL = fileURLToPath(new URL('curl.mjs', import.meta.url));

/** Runs a sample in a shell, and gives the JSON that it prints. */
async function run(command) {
  const env = { ...process.env, NODE: process.execPath, CURL };
  const { stdout } = await promisify(execFile)('sh', ['-c', `curl() { "$NODE" "$CURL" "$@"; }\n${command}`], { env });
  return JSON.parse(stdout);
}

const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

describe('tabs', () => {
  test('each opens its panel alone, and has an address', async () => {
    const page = await browser.open(site);
    for (const name of NAMES) {
      await openTab(page, name);
      assert.equal(await page.locator('[role=tab][aria-selected=true]').innerText(), name);
      assert.equal(await page.locator('[role=tabpanel]:visible').count(), 1);
      assert.ok(await panelOf(page, name).isVisible());
      const again = await browser.open(site, new URL(page.url()).hash);
      assert.equal(await again.locator('[role=tab][aria-selected=true]').innerText(), name);
      assert.deepEqual(again.problems, []);
      await again.context().close();
    }
    await page.goBack();
    assert.equal(await page.locator('[role=tab][aria-selected=true]').innerText(), 'Raw contract');
    assert.deepEqual(page.problems, []);
  });

  test('arrows, Home and End move between them; Tab leaves them', async () => {
    const page = await browser.open(site);
    await verdict(page);
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
    const selected = () => page.locator('[role=tab][aria-selected=true]').innerText();
    await page.getByRole('tab', { name: 'Run' }).focus();
    for (const [key, name] of [
      ['ArrowRight', 'Endpoints'],
      ['ArrowRight', 'Auth matrix'],
      ['End', 'Parity'],
      ['ArrowRight', 'Run'],
      ['ArrowLeft', 'Parity'],
      ['Home', 'Run'],
      ['ArrowRight', 'Endpoints'],
    ]) {
      await page.keyboard.press(key);
      assert.equal(await focused(), name, key);
      assert.equal(await selected(), name, key);
      assert.equal(
        (await page.locator('[role=tab][tabindex="0"]').count()) +
          (await page.locator('[role=tab]:not([tabindex])').count()),
        1,
        'one tab stop',
      );
    }
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, 'solid', 'the focus can be seen');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'panel-endpoints');
    await page.keyboard.press('Shift+Tab');
    assert.equal(await focused(), 'Endpoints');
    assert.deepEqual(page.problems, []);
  });

  test('everything that can be operated has a name', async () => {
    const page = await browser.open(site);
    for (const name of NAMES) {
      await openTab(page, name);
      await page.waitForLoadState('networkidle');
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll('main :is(button, input, select, textarea, summary, [role=region], [role=img])')]
          .filter((element) => element.checkVisibility())
          .filter(
            (element) =>
              !(element.getAttribute('aria-label') || element.labels?.[0]?.textContent || element.textContent).trim(),
          )
          .map((element) => element.outerHTML),
      );
      assert.deepEqual(nameless, [], name);
    }
    const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
    assert.equal(new Set(ids).size, ids.length);
    const dangling = await page.evaluate(() =>
      [...document.querySelectorAll('[for], [aria-controls], [aria-labelledby], [aria-describedby], [list]')]
        .flatMap((element) =>
          ['for', 'aria-controls', 'aria-labelledby', 'aria-describedby', 'list'].flatMap((name) =>
            (element.getAttribute(name) ?? '').split(' ').filter(Boolean),
          ),
        )
        .filter((id) => !document.getElementById(id)),
    );
    assert.deepEqual(dangling, []);
  });
});

test('Endpoints: the table, and what each answers', async () => {
  const page = await browser.open(site, '#endpoints');
  const panel = panelOf(page, 'Endpoints');
  const shown = await panel
    .locator('tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) => `${row.querySelector('th').textContent} ${row.querySelector('code').textContent}`),
    );
  assert.deepEqual(
    shown,
    [...endpoints, ...remote, ...operations].map(({ method, path }) => `${method} ${path}`),
  );
  const line = panel.getByRole('status');
  for (const [name, path] of [
    ['Try GET /api/flags/eval', '/api/flags/eval?key=flags.registry_v1&user=U-1&tier=staff&env=prod'],
    ['Try POST /api/flags/eval/batch', '/api/flags/eval/batch'],
    ['Try GET /api/flags/registry', '/api/flags/registry'],
    ['Try the summary GET /api/flags/registry', '/api/flags/registry?summary=true'],
    ['Try GET /api/flags/health', '/api/flags/health'],
    ['Try GET /api/flags/overrides/by-flag/{key}', '/api/flags/overrides/by-flag/flags.registry_v1'],
    ['Try POST /api/flags/sensitive-eval', '/api/flags/sensitive-eval'],
    ['Try POST /ofrep/v1/evaluate/flags/{key}', '/ofrep/v1/evaluate/flags/flags.registry_v1'],
    ['Try POST /ofrep/v1/evaluate/flags', '/ofrep/v1/evaluate/flags'],
    ['Try GET /phase-2b/health', '/phase-2b/health'],
    ['Try GET /healthz', '/healthz'],
    ['Try GET /readyz', '/readyz'],
  ]) {
    await panel.getByRole('button', { name, exact: true }).click();
    await panel.getByRole('region', { name: 'Body', exact: true }).waitFor();
    assert.match(await line.innerText(), /^200 /);
    assert.ok((await line.innerText()).includes(` ${path} in `), path);
    assert.match(await panel.getByRole('region', { name: 'Headers' }).innerText(), /x-request-id: [0-9a-f-]{36}/);
  }
  assert.equal(await panel.getByRole('region', { name: 'Body', exact: true }).innerText(), 'ready');
  await panel.getByRole('button', { name: 'Try the summary GET /api/flags/registry' }).click();
  await panel.getByText('"count": 11').waitFor();
  await panel.getByRole('button', { name: 'Copy Body', exact: true }).click();
  assert.equal(JSON.parse(await copied(page)).data.count, 11);
  assert.deepEqual(page.problems, []);
});

describe('Auth matrix', () => {
  test('has every row, as it is where dev headers are allowed and where not', async () => {
    const page = await browser.open(site, '#auth');
    const panel = panelOf(page, 'Auth matrix');
    const rows = panel.locator('table.matrix tbody tr');
    assert.equal(matrix.length, 11);
    assert.deepEqual(
      await rows.locator('th').allInnerTexts(),
      Array.from({ length: 11 }, (_, i) => `M-${String(i + 1).padStart(2, '0')}`),
    );
    for (const { id, allowed, refused } of matrix) {
      const cells = rows.filter({ hasText: id }).locator('td');
      assert.deepEqual((await cells.allInnerTexts()).slice(-2), [allowed, refused], id);
    }
    assert.deepEqual(page.problems, []);
  });

  test('shows which value the server used', async () => {
    const page = await browser.open(site, '#auth', { expects: [/status of 400/] });
    const panel = panelOf(page, 'Auth matrix');
    const won = async () =>
      Object.fromEntries(
        await panel
          .locator('[data-attribute]')
          .evaluateAll((rows) => rows.map((row) => [row.dataset.attribute, row.querySelector('.won').textContent])),
      );
    const ask = async () => {
      await panel.getByRole('button', { name: 'Ask the server' }).click();
      await panel.getByText('Asked.').waitFor();
      return won();
    };
    const same = 'they give the same answer here';
    assert.deepEqual(await ask(), {
      user_id: 'header: bucket-low-1',
      tenant_id: 'header: T-held',
      tier: 'header: staff',
      env: 'header: staging',
      role_key: `header, query or default: ${same}`,
    });
    for (const attribute of ['user_id', 'tenant_id', 'tier', 'env', 'role_key'])
      await panel.getByLabel(new RegExp(`^${attribute} by header`)).fill('');
    await panel.getByLabel(/^tier by query/).fill('staff');
    assert.deepEqual(await ask(), {
      user_id: 'query: U-2',
      tenant_id: `query or default: ${same}`,
      tier: 'query: staff',
      env: 'query: prod',
      role_key: `query or default: ${same}`,
    });
    for (const attribute of ['user_id', 'tenant_id', 'tier', 'env', 'role_key'])
      await panel.getByLabel(new RegExp(`^${attribute} by query`)).fill('');
    const defaults = await ask();
    assert.match(defaults.user_id, /400 invalid_request/);
    assert.equal(defaults.env, 'default: dev');
    assert.equal(defaults.tier, 'default: anonymous');
    await panel.getByLabel(/^env by header/).fill('日本');
    assert.match((await ask()).env, /A header cannot carry this value/);
    assert.deepEqual(page.problems, []);
  });
});

describe('curl samples', () => {
  test('are commands that give the answer on the Run tab', async () => {
    const page = await browser.open(
      site,
      `#curl?registry=parity&key=syn.override&user=${encodeURIComponent("O'Neil & Söhne $(x)")}&overrides=${encodeURIComponent('{"user":{"syn.override":true}}')}`,
    );
    const panel = panelOf(page, 'curl samples');
    const names = await panel.locator('figcaption > span').allInnerTexts();
    assert.equal(names.length, 8);
    const commands = [];
    for (const name of names) {
      await panel.getByRole('button', { name: `Copy ${name}`, exact: true }).click();
      await panel.getByRole('button', { name: `Copied ${name}`, exact: true }).waitFor();
      const text = await copied(page);
      assert.equal(text, await panel.getByRole('region', { name, exact: true }).innerText());
      assert.ok(text.includes(site.url), name);
      commands.push(text);
    }
    assert.deepEqual(page.problems, []);

    const asked = await run(commands[0]);
    assert.deepEqual([asked.data[0].value, asked.data[0].source], [true, 'inline_user_override']);
    assert.equal((await run(commands[1])).data[0].source, 'inline_user_override');
    assert.equal((await run(commands[2])).data.length, 3);
    assert.equal((await run(commands[3])).data.tenant, 'parity');
    assert.equal((await run(commands[5])).data.status, 'ok');
    assert.equal((await run(commands[6])).metadata.flagSetId, 'parity');
  });

  test('use the query where that is enough', async () => {
    const page = await browser.open(site, '#curl');
    const panel = panelOf(page, 'curl samples');
    const text = (name) => panel.getByRole('region', { name, exact: true }).innerText();
    assert.equal(
      await text('This evaluation'),
      `curl -sS '${site.url}/api/flags/eval?key=flags.registry_v1&user=U-1&tier=staff&env=prod'`,
    );
    assert.equal(
      await text('The same, with the caller in headers'),
      `curl -sS '${site.url}/api/flags/eval?key=flags.registry_v1' \\\n  -H 'X-PTT-User-Id: U-1' \\\n  -H 'X-PTT-Tier: staff' \\\n  -H 'X-PTT-Env: prod'`,
    );
    await openTab(page, 'Run');
    await page.getByLabel('User', { exact: true }).fill('U-7');
    await openTab(page, 'curl samples');
    assert.match(await text('This evaluation'), /user=U-7/);
  });
});

test('Raw contract: the same data as the Endpoints tab, and the server’s own where there is one', async () => {
  const page = await browser.open(site, '#contract');
  const served = await (await fetch(`${site.url}/openapi.json`)).json();
  const panel = panelOf(page, 'Raw contract');
  await panel.getByRole('button', { name: 'Copy Contract of /api/flags' }).click();
  assert.deepEqual(JSON.parse(await copied(page)), contract);
  for (const { code } of errors) assert.ok((await panel.innerText()).includes(code));
  await panel.getByRole('button', { name: 'Ask the server for' }).click();
  await panel.getByRole('region', { name: '/openapi.json' }).waitFor();
  assert.equal(await panel.getByRole('status').innerText(), 'The server describes itself at /openapi.json.');
  await panel.getByRole('button', { name: 'Copy /openapi.json' }).click();
  await panel.getByRole('button', { name: 'Copied /openapi.json' }).waitFor();
  assert.deepEqual(JSON.parse(await copied(page)), served);
  assert.match(served.openapi, /^3\.1\./);
  for (const { path } of [...endpoints, ...remote]) assert.ok(Object.hasOwn(served.paths, path), path);

  // An older server has none, and the page's own description stands.
  const older = await browser.open(site, '#contract', {
    expects: [/status of 404/],
    before: (opened) => opened.route('**/openapi.json', (route) => route.fulfill({ status: 404, json: {} })),
  });
  const stands = panelOf(older, 'Raw contract');
  await stands.getByRole('button', { name: 'Ask the server for' }).click();
  await stands.getByText('offers no /openapi.json (it answers 404)').waitFor();
  assert.ok(await stands.getByRole('region', { name: 'Contract of /api/flags' }).isVisible());
  assert.deepEqual(page.problems, []);
});

describe('Parity', () => {
  const hashes = vectors('hash').length;
  const lines = [
    `hash ${hashes} pass · 0 fail · bucket-low-1|syn.staged_25 → 4`,
    'idempotency 19 pass · 0 fail',
    '19 pass · 0 fail · parity OK',
  ].join('\n');

  test('runs every vector in the browser', async () => {
    const page = await browser.open(site, '#parity');
    const panel = panelOf(page, 'Parity');
    await panel.locator('.report').waitFor();
    assert.ok((await panel.innerText()).trim().endsWith(lines));
    assert.equal(await panel.getByRole('status').innerText(), `Browser: all ${19 + 19 + hashes} cases pass`);
    for (const [part, count] of [
      ['examples', 19],
      ['idempotency', 19],
      ['hash', hashes],
    ]) {
      const passes = panel.locator(`[data-part=${part}] tbody tr td[data-label=Browser] .pass`);
      assert.equal(await passes.count(), count, part);
    }
    assert.equal(await panel.locator('.fail').count(), 0);
    assert.deepEqual(page.problems, []);
  });

  test('runs every vector against the server too', async () => {
    // Ids that no user can have are refused, which is what their vectors ask for.
    const page = await browser.open(site, '#parity', { expects: [/status of 400/] });
    const panel = panelOf(page, 'Parity');
    await panel.locator('.report').waitFor();
    await panel.getByRole('button', { name: 'Run against the server' }).click();
    await panel.locator('.report').nth(1).waitFor();
    assert.ok((await panel.innerText()).trim().endsWith(lines));
    assert.equal(await panel.locator('td[data-label=Server] .pass').count(), 19 + 19 + hashes);
    assert.deepEqual(page.problems, []);
  });

  test('a case that fails is shown with what was expected', async () => {
    const page = await browser.open(site, '#parity', {
      expects: [/status of 400/],
      before: (opened) =>
        opened.route('**/api/flags/eval/batch', async (route) => {
          const response = await route.fetch();
          const body = await response.json();
          for (const one of body.data ?? []) if (one.flag_key === 'syn.paused') one.reason = 'stage_full';
          await route.fulfill({ response, json: body });
        }),
    });
    const panel = panelOf(page, 'Parity');
    await panel.locator('.report').waitFor();
    await panel.getByRole('button', { name: 'Run against the server' }).click();
    await panel.locator('.report.bad').waitFor();
    assert.match(await panel.locator('.report.bad').innerText(), /18 pass · 1 fail · parity BROKEN$/);
    const row = panel.locator('[data-part=examples] tr', { has: page.locator('th:text-is("paused")') });
    assert.match(await row.innerText(), /pass[\s\S]*fail[\s\S]*\/reason expected "stage_paused", got "stage_full"/);
    assert.match(await panel.getByRole('status').innerText(), /Server: \d+ pass, 1 fail/);
    assert.deepEqual(page.problems, []);
  });
});
