// The client in a real browser, built by Vite: its storage over reloads, what it does unseen, and what is left when the page goes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { build, createLogger } from 'vite';
import { browser } from './support/browser.mjs';
import { project } from './support/project.mjs';

const page = (script) => `<!doctype html><meta charset="utf-8"><title>burgee</title><link rel="icon" href="data:,"><script type="module" src="/${script}"></script>`;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
const MAIN = `
  const client = createClient({
    url: '/v1/snapshot?of=' + new URLSearchParams(location.search).get('of'),
    refresh: 200,
    onExposure: (batch) => void navigator.sendBeacon('/exposures' + location.search, JSON.stringify(batch)),
  });
  // What a first rendering would see, before anything is waited for.
  globalThis.first = [client.status, client.boolean('a', false)];
  globalThis.client = client;
`;

const { folder } = project({
  'main.html': page('main.js'),
  'main.js': `import * as FF from 'burgee';\nimport { createClient } from 'burgee/client';\nglobalThis.Snapshot = FF.Snapshot;\n${MAIN}`,
  'slim.html': page('slim.js'),
  'slim.js': `
    import { Snapshot, init } from 'burgee/slim';
    import { createClient } from 'burgee/slim/client';
    import url from 'burgee/burgee.wasm?url';
    globalThis.Snapshot = Snapshot;
    WebAssembly.compileStreaming(fetch(url)).then((module) => {
      init(module);
      ${MAIN}
    });
  `,
  'away.html': '<!doctype html><title>away</title><link rel="icon" href="data:,">',
});
const built = join(folder, 'built');
const warnings = [];
const logger = createLogger('warn', { allowClearScreen: false });
for (const level of ['warn', 'warnOnce', 'error']) logger[level] = (message) => warnings.push(message);
await build({
  root: folder,
  configFile: false,
  logLevel: 'warn',
  customLogger: logger,
  build: { outDir: built, rollupOptions: { input: ['main', 'slim', 'away'].map((name) => join(folder, `${name}.html`)) } },
});

/** By its `of`: the version that is served, 0 for none; what was asked; and the exposures that came. */
const sources = new Map();
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://any');
  if (pathname === '/v1/snapshot') {
    const source = sources.get(searchParams.get('of'));
    source.asked.push(request.headers['if-none-match'] ?? null);
    if (source.version === 0) return response.writeHead(503).end();
    const etag = `"${source.version}"`;
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, { ETag: etag }).end();
    const body = { version: source.version, flags: [{ key: 'a', default_variant: source.version % 2 ? 'on' : 'off' }] };
    return response.writeHead(200, { ETag: etag, 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  }
  if (pathname === '/exposures') {
    let body = '';
    for await (const chunk of request) body += chunk;
    sources.get(searchParams.get('of')).exposures.push(...JSON.parse(body));
    return response.writeHead(204).end();
  }
  const file = join(built, pathname);
  if (TYPES[extname(file)] === undefined || !existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': TYPES[extname(file)] });
  createReadStream(file).pipe(response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const opened = await browser();

/** A page of a source of its own. */
async function open(t, name, version = 1) {
  const of = t.name;
  const source = { version, asked: [], exposures: [] };
  sources.set(of, source);
  const context = await opened.newContext();
  t.after(() => context.close());
  const tab = await context.newPage();
  const complaints = [];
  tab.on('pageerror', (error) => complaints.push(String(error)));
  const url = `http://127.0.0.1:${server.address().port}/${name}.html?of=${encodeURIComponent(of)}`;
  await tab.goto(url);
  await tab.waitForFunction(() => globalThis.client !== undefined);
  const until = (status) => tab.waitForFunction((status) => globalThis.client.status === status, status);
  return { tab, source, until, complaints, url };
}

test('Vite builds it without a word', () => assert.deepEqual(warnings, []));

for (const name of ['main', 'slim']) {
  test(`${name}: it follows its source, and starts with what it had after a reload, even without it`, async (t) => {
    const { tab, source, until, complaints } = await open(t, name);
    assert.deepEqual(await tab.evaluate(() => globalThis.first), ['empty', false]);
    await until('fresh');
    assert.equal(await tab.evaluate(() => globalThis.client.boolean('a', false)), true);
    assert.equal(await tab.evaluate(() => globalThis.client.snapshot instanceof globalThis.Snapshot), true, 'one module');
    source.version = 2;
    await tab.waitForFunction(() => globalThis.client.boolean('a', true) === false);

    source.asked.length = 0;
    await tab.reload();
    await tab.waitForFunction(() => globalThis.client !== undefined);
    assert.deepEqual(await tab.evaluate(() => globalThis.first), ['stored', false]);
    await until('fresh');
    assert.equal(source.asked[0], '"2"');

    source.version = 3;
    await tab.waitForFunction(() => globalThis.client.boolean('a', false) === true);
    source.version = 0;
    await tab.reload();
    await tab.waitForFunction(() => globalThis.client !== undefined);
    assert.deepEqual(await tab.evaluate(() => globalThis.first), ['stored', true]);
    await until('stale');
    assert.deepEqual(complaints, []);
  });
}

// A browser without a window has no page that is not seen, so this one only says so; that it heeds what pages say is what is tested.
const become = (tab, state) =>
  tab.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);

test('it asks nothing while nobody sees the page, and at once when somebody does', async (t) => {
  const { tab, source, until } = await open(t, 'main');
  await until('fresh');
  await become(tab, 'hidden');
  // What was under way when the page was hidden may still come.
  await wait(300);
  const before = source.asked.length;
  source.version = 2;
  await wait(1_000);
  assert.equal(source.asked.length, before);
  assert.equal(await tab.evaluate(() => globalThis.client.boolean('a', false)), true);
  await become(tab, 'visible');
  await tab.waitForFunction(() => globalThis.client.boolean('a', true) === false, undefined, { timeout: 5_000 });
});

test('closed it asks no more', async (t) => {
  const { tab, source, until } = await open(t, 'main');
  await until('fresh');
  await tab.evaluate(() => globalThis.client.close());
  await wait(300);
  const before = source.asked.length;
  await wait(1_000);
  assert.equal(source.asked.length, before);
});

test('exposures that wait are sent when the page goes', async (t) => {
  const { tab, until, url, source: { exposures } } = await open(t, 'main');
  await until('fresh');
  const sent = () => exposures.filter(({ environment }) => environment === 'prod');
  await tab.evaluate(() => {
    for (const user_id of ['U-1', 'U-2', 'U-1']) globalThis.client.boolean('a', false, { user_id, env: 'prod' });
  });
  assert.equal(sent().length, 0);
  await tab.goto(new URL('away.html', url).href);
  for (let i = 0; i < 50 && sent().length < 2; i++) await wait(100);
  assert.deepEqual(sent().map(({ flag, variant, unit }) => [flag, variant, unit]), [['a', 'on', 'U-1'], ['a', 'on', 'U-2']]);
});

test('what another has stored in its place harms nothing', async (t) => {
  const { tab, until, complaints } = await open(t, 'main');
  await until('fresh');
  await tab.evaluate(() => {
    globalThis.client.close();
    for (const key of Object.keys(localStorage)) localStorage.setItem(key, 'burgee/1\n"1"\n{"flags":[{');
  });
  await tab.reload();
  await tab.waitForFunction(() => globalThis.client !== undefined);
  assert.deepEqual(await tab.evaluate(() => globalThis.first), ['empty', false]);
  await until('fresh');
  assert.deepEqual(complaints, []);
});
