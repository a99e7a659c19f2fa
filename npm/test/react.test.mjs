// The example in examples/react, built by Vite with the packed package, in a real browser: its first rendering has the flags, nothing else
// is ever shown before, and a changed snapshot is rendered.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after, test } from 'node:test';
import { build, createLogger } from 'vite';
import { browser } from './support/browser.mjs';
import { ROOT, manifest } from './support/pack.mjs';
import { project } from './support/project.mjs';

const EXAMPLE = join(ROOT, 'examples', 'react');
const PEERS = ['@openfeature/core', '@openfeature/react-sdk', '@openfeature/web-sdk', 'react', 'react-dom'];
const NEW = 'Welcome backPay with one click';
const OLD = 'Welcome backGo to the checkout';

const { folder } = project({}, { peers: PEERS });
cpSync(EXAMPLE, folder, { recursive: true });
const built = join(folder, 'dist');
const warnings = [];
const logger = createLogger('warn', { allowClearScreen: false });
for (const level of ['warn', 'warnOnce', 'error']) logger[level] = (message) => warnings.push(message);
await build({ root: folder, logLevel: 'warn', customLogger: logger, build: { outDir: built } });

const TYPES = { '.html': 'text/html', '.js': 'text/javascript' };
const document = JSON.parse(readFileSync(join(folder, 'public', 'snapshot.json'), 'utf8'));
let answer = () => ({ status: 200, document });
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://any');
  if (pathname === '/snapshot.json') {
    const { status, document } = answer();
    return void response.writeHead(status, { ETag: `"${document?.version}"` }).end(JSON.stringify(document));
  }
  const file = join(built, pathname);
  if (TYPES[extname(file)] === undefined || !existsSync(file)) return void response.writeHead(404).end();
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

/** Opens the example. Everything that its root ever shows is kept in `shown`, at each change and at each frame that is painted. */
async function open(t, { bootstrap = true } = {}) {
  const context = await opened.newContext();
  t.after(() => context.close());
  const tab = await context.newPage();
  if (!bootstrap) {
    await tab.route('**/index.html', async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/(id="snapshot">)[^]*?(<\/script>)/, '$1$2');
      await route.fulfill({ response, body });
    });
  }
  const complaints = [];
  tab.on('pageerror', (error) => complaints.push(String(error)));
  tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await tab.addInitScript(() => {
    globalThis.shown = [];
    const note = (when) => {
      const text = document.getElementById('root')?.textContent ?? '';
      if (text !== '') globalThis.shown.push([when, text]);
    };
    new MutationObserver(() => note('changed')).observe(document, { childList: true, subtree: true, characterData: true });
    const frame = () => {
      note('painted');
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  await tab.goto(`http://127.0.0.1:${server.address().port}/index.html`);
  const until = (text) => tab.waitForFunction((text) => document.getElementById('root').textContent === text, text);
  /** The different things that were shown, in order. */
  const shown = async () => {
    const all = await tab.evaluate(() => globalThis.shown);
    assert.ok(all.some(([when]) => when === 'painted') && all.some(([when]) => when === 'changed'));
    return all.map(([, text]) => text).filter((text, index, texts) => text !== texts[index - 1]);
  };
  return { tab, until, shown, complaints };
}

test('Vite builds it without a word, from what its package.json names', () => {
  assert.deepEqual(warnings, []);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(EXAMPLE, 'package.json'), 'utf8'));
  const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).devDependencies;
  const { burgee, ...others } = dependencies;
  assert.equal(burgee, `^${manifest.version}`);
  for (const [name, version] of Object.entries({ ...others, ...devDependencies })) assert.equal(version, root[name], name);
  assert.deepEqual(Object.keys(others).sort(), [...PEERS].sort());
});

test('the first rendering has the flags, and neither the fallback nor a default is ever shown', async (t) => {
  answer = () => ({ status: 200, document });
  const { tab, until, shown, complaints } = await open(t);
  await until(NEW);
  await tab.waitForTimeout(1_000);
  assert.deepEqual(await shown(), [NEW]);
  assert.deepEqual(complaints, []);
});

test('so it is without the server', async (t) => {
  answer = () => ({ status: 503 });
  const { tab, until, shown } = await open(t);
  await until(NEW);
  await tab.waitForTimeout(500);
  assert.deepEqual(await shown(), [NEW]);
});

test('a changed snapshot is rendered, by what has changed', async (t) => {
  const changed = structuredClone(document);
  changed.version = 2;
  changed.flags[0].default_variant = 'off';
  let version = document;
  answer = () => ({ status: 200, document: version });
  const { until, shown, complaints } = await open(t);
  await until(NEW);
  version = changed;
  await until(OLD);
  assert.deepEqual(await shown(), [NEW, OLD]);
  assert.deepEqual(complaints, []);
});

test('the recording would see a flicker: without the bootstrap there is one, and after a reload there is none', async (t) => {
  answer = () => ({ status: 200, document });
  const { tab, until, shown } = await open(t, { bootstrap: false });
  await until(NEW);
  assert.deepEqual(await shown(), ['Loading…', NEW]);
  await tab.reload();
  await until(NEW);
  assert.deepEqual(await shown(), [NEW], 'what was stored does as well');
});
