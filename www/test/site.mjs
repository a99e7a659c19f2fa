// What the tests serve and drive: the built page on the real Worker, in Miniflare with the Worker's own configuration, and a browser.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { chromium } from 'playwright-core';
import { BROWSER_ARGUMENTS } from '../../tools/browser.mjs';

// Nothing here asks where this machine is, or reports anything.
process.env.NODE_ENV ??= 'test';
process.env.WRANGLER_SEND_METRICS ??= 'false';
const { unstable_getMiniflareWorkerOptions: optionsOf } = createRequire(import.meta.url)('wrangler');

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const CONFIG = join(ROOT, 'worker', 'wrangler.jsonc');
const OBJECTS_CONFIG = join(ROOT, 'objects', 'wrangler.jsonc');

export const vectors = (name) => JSON.parse(readFileSync(join(ROOT, 'parity', 'vectors', `${name}.json`), 'utf8'));

/** The platform's registry with the override rows that `make dev` seeds. */
export const seeded = () => ({ ...vectors('registry'), overrides: vectors('overrides').rows });

/** The Worker's options as `wrangler dev` reads them. */
export const workerOptions = () => optionsOf(CONFIG);

/** The page, built into a folder of its own, so that test files side by side do not take it from one another. */
export function buildPage() {
  const folder = mkdtempSync(join(tmpdir(), 'burgee-www-'));
  execFileSync(process.execPath, [join(ROOT, 'www', 'build.mjs'), folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  return folder;
}

/**
 * Serves the page and the Worker. `snapshots` is what KV holds by tenant; `vars` are set beside those of the configuration.
 * `publish(tenant, snapshot)` changes KV later.
 */
export async function startSite({
  snapshots = { platform: vectors('registry'), parity: vectors('synthetic') },
  vars = {},
} = {}) {
  const page = buildPage();
  const worker = (name, config, more) => {
    const { main, workerOptions: options } = optionsOf(config);
    if (!existsSync(main)) throw new Error(`${main} is missing: run node worker/build.mjs first`);
    const module = (type, file) => ({
      type,
      path: join(dirname(main), file),
      contents: readFileSync(join(dirname(main), file)),
    });
    const modules = [module('ESModule', 'index.js'), module('CompiledWasm', 'index_bg.wasm')];
    return { ...options, name, modulesRoot: dirname(main), modules, ...more(options) };
  };
  const miniflare = new Miniflare({
    port: 0,
    cf: false,
    workers: [
      worker('burgee', CONFIG, ({ bindings, assets }) => ({
        bindings: { ...bindings, FF_OPEN_REGISTRIES: 'parity', FF_ALLOW_DEV_HEADERS: 'true', ...vars },
        assets: { ...assets, directory: page },
      })),
      worker('burgee-objects', OBJECTS_CONFIG, () => ({})),
    ],
    // The Worker's log lines are not the tests' output.
    handleRuntimeStdio(stdout, stderr) {
      stdout.resume();
      stderr.resume();
    },
  });
  const stop = async () => {
    await miniflare.dispose();
    rmSync(page, { recursive: true, force: true });
  };
  try {
    const url = (await miniflare.ready).origin;
    const kv = await miniflare.getKVNamespace('FLAGS');
    const publish = (tenant, snapshot) => kv.put(`snapshot:${tenant}`, JSON.stringify(snapshot));
    for (const [tenant, snapshot] of Object.entries(snapshots)) await publish(tenant, snapshot);
    return { url, page, publish, stop };
  } catch (error) {
    // What has been started would keep the tests from ending.
    await stop();
    throw error;
  }
}

export async function startBrowser() {
  const executablePath = process.env.CHROMIUM_BIN;
  if (!executablePath) throw new Error('CHROMIUM_BIN names no browser: . ./tools/env.sh sets it');
  const browser = await chromium.launch({ executablePath, args: BROWSER_ARGUMENTS });
  return {
    stop: () => browser.close(),

    /**
     * Opens a page of the site. `page.problems` collects what must not happen: errors in the console, exceptions, requests to other
     * origins. `expects` are patterns of console errors that the test provokes.
     */
    async open(site, fragment = '', { expects = [], context: contextOptions, before } = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...contextOptions });
      await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: site.url });
      const page = await context.newPage();
      page.problems = [];
      page.on('console', (message) => {
        const text = message.text();
        if (['error', 'warning'].includes(message.type()) && !expects.some((pattern) => pattern.test(text)))
          page.problems.push(`${message.type()}: ${text}`);
      });
      page.on('pageerror', (error) => page.problems.push(`exception: ${error.message}`));
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== site.url) page.problems.push(`request: ${request.url()}`);
      });
      await before?.(page);
      await page.goto(`${site.url}/${fragment}`);
      return page;
    },
  };
}

/** Waits until the Run tab has an answer, and gives its one line. */
export async function verdict(page) {
  await page.locator('#run-results[aria-busy=false]').waitFor();
  return page.locator('#run-verdict').innerText();
}

/** Fills the Run tab's fields by their labels and evaluates. */
export async function evaluate(page, fields) {
  for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole('button', { name: 'Evaluate' }).click();
  return verdict(page);
}

export const panelOf = (page, name) => page.getByRole('tabpanel', { name });
export const openTab = (page, name) => page.getByRole('tab', { name }).click();
