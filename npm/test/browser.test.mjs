// The packed package through a Vite build, in Chromium: the default entry at once and on the main thread, and slim with the module
// streamed. Pages have a content security policy, because those of users have.

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build, createLogger } from 'vite';
import { browser, serve } from './support/browser.mjs';
import { project } from './support/project.mjs';
import { report } from './support/report.mjs';

const page = (script) => `<!doctype html><meta charset="utf-8"><title>burgee</title><link rel="icon" href="data:,"><script type="module" src="/${script}"></script>`;
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src data:";

const { folder } = project({
  'main.html': page('main.js'),
  'main.js': `
    import * as FF from 'burgee';
    import { runCases } from './cases/run.mjs';
    globalThis.bucket = FF.hashBucket('bucket-low-1|syn.staged_25');
    globalThis.results = runCases(FF);
  `,
  'slim.html': page('slim.js'),
  'slim.js': `
    import * as FF from 'burgee/slim';
    import url from 'burgee/burgee.wasm?url';
    import { runCases } from './cases/run.mjs';
    globalThis.url = url;
    WebAssembly.compileStreaming(fetch(url)).then((module) => {
      FF.init(module);
      globalThis.results = runCases(FF);
    });
  `,
  'strict.html': page('strict.js'),
  'strict.js': `
    import * as FF from 'burgee';
    try {
      FF.hashBucket('a');
    } catch ({ name, code, message }) {
      globalThis.results = { name, code, message };
    }
  `,
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
  build: { outDir: built, rollupOptions: { input: ['main', 'slim', 'strict'].map((name) => join(folder, `${name}.html`)) } },
});

const url = await serve(built, (name) => ({
  'Content-Security-Policy': name === 'strict.html' ? POLICY.replace(" 'wasm-unsafe-eval'", '') : POLICY,
}));
const opened = await browser();

/** Loads a page, and gives what it left in `globalThis`; a page that complains has failed. */
async function visit(name, ...globals) {
  const tab = await opened.newPage();
  const complaints = [];
  tab.on('pageerror', (error) => complaints.push(String(error)));
  tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await tab.goto(`${url}/${name}.html`);
  await tab.waitForFunction(() => globalThis.results !== undefined);
  const found = await tab.evaluate((names) => names.map((global) => globalThis[global]), globals);
  await tab.close();
  return { found, complaints };
}

test('Vite builds it without a word', () => {
  assert.deepEqual(warnings, []);
});

test('Vite leaves the module beside slim, and in the page only of the default entry', () => {
  const assets = readdirSync(join(built, 'assets'));
  const sizeOf = (name) => statSync(join(built, 'assets', assets.find((file) => file.startsWith(name) && !file.endsWith('.map')))).size;
  assert.equal(assets.filter((file) => file.endsWith('.wasm')).length, 1);
  assert.ok(sizeOf('slim') < 100_000, 'slim carries no module');
});

test('the default entry on the main thread', async (t) => {
  const { found: [bucket, results], complaints } = await visit('main', 'bucket', 'results');
  assert.equal(bucket, 4);
  await report(t, results);
  assert.deepEqual(complaints, []);
});

test('slim, with the module streamed', async (t) => {
  const { found: [where, results], complaints } = await visit('slim', 'url', 'results');
  assert.match(where, /^\/assets\/burgee-[^/]+\.wasm$/);
  await report(t, results);
  assert.deepEqual(complaints, []);
});

test('a page that forbids WebAssembly is told so', async () => {
  const { found: [error] } = await visit('strict', 'results');
  assert.deepEqual([error.name, error.code], ['BurgeeError', 'not_initialized']);
  assert.match(error.message, /wasm-unsafe-eval|Content Security Policy/);
});
