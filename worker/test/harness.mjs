// The built Worker on the real runtime: Miniflare runs workerd with the options that wrangler makes of wrangler.jsonc, so that
// what is tested is what `wrangler dev` and `wrangler deploy` run.

import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions as workerOptions } from 'wrangler';

export const WORKER = dirname(dirname(fileURLToPath(import.meta.url)));
export const CONFIG = join(WORKER, 'wrangler.jsonc');
const BUILD = join(WORKER, 'build');

/** A folder that is removed when the test that made it ends. */
export function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'burgee-worker-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Starts a Worker of its own, with an empty KV; it is stopped when `t` ends.
 *
 * Callers need no token, unless `vars` says otherwise.
 *
 * @param vars added to those of wrangler.jsonc; `undefined` takes one away
 * @param gate a module to stand between the Worker and its KV: see kv-gate.mjs
 * @param others gives further Workers beside this one, of its options; it may change those
 * @param outbound `host:port` that every request of the Worker to the outside goes to, by HTTP, whatever its URL says
 * @param assets the folder of static files; none are served where it is left out
 */
export async function startWorker(t, { vars = {}, gate = false, others = () => [], assets, outbound } = {}) {
  const { workerOptions: options } = workerOptions(CONFIG);
  const { FLAGS } = options.kvNamespaces;
  const logs = [];
  const main = {
    ...options,
    name: 'burgee',
    modules: [
      { type: 'ESModule', path: join(BUILD, 'index.js') },
      { type: 'CompiledWasm', path: join(BUILD, 'index_bg.wasm') },
    ],
    modulesRoot: BUILD,
    modulesRules: undefined,
    bindings: Object.fromEntries(Object.entries({ ...options.bindings, FF_ALLOW_DEV_HEADERS: 'true', ...vars }).filter(([, value]) => value !== undefined)),
    ...(outbound && { outboundService: { external: { address: outbound, http: {} } } }),
    assets: assets && { ...options.assets, directory: assets },
    ...(gate && { kvNamespaces: {}, wrappedBindings: { FLAGS: { scriptName: 'gate' } } }),
  };
  const gated = {
    name: 'gate',
    modules: [{ type: 'ESModule', path: join(WORKER, 'test', 'kv-gate.mjs') }],
    kvNamespaces: { KV: FLAGS, CONTROL: 'control' },
  };
  const miniflare = new Miniflare({
    workers: [main, ...(gate ? [gated] : []), ...others(main)],
    host: '127.0.0.1',
    port: 0,
    cf: false,
    handleStructuredLogs({ message }) {
      logs.push(message);
    },
  });
  t.after(() => miniflare.dispose());
  const base = await miniflare.ready;
  const kv = await (gate ? miniflare.getKVNamespace('KV', 'gate') : miniflare.getKVNamespace('FLAGS', 'burgee'));
  const control = gate && (await miniflare.getKVNamespace('CONTROL', 'gate'));

  const worker = {
    base,
    logs,
    miniflare,
    fetch: (path, init) => fetch(new URL(path, base), init),
    /** The status and the envelope. */
    async ask(path, init) {
      const response = await worker.fetch(path, init);
      return { status: response.status, response, ...(await response.json()) };
    },
    batch: (body, init) =>
      worker.ask('/api/flags/eval/batch', { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init }),
    publish: (document, tenant = 'platform') =>
      kv.put(`snapshot:${tenant}`, typeof document === 'string' ? document : JSON.stringify(document)),
    withdraw: (tenant = 'platform') => kv.delete(`snapshot:${tenant}`),
    /** The log's lines that are ours, as objects; others, such as a panic's stack, are left out. */
    lines: () => logs.filter((message) => message.startsWith('{')).map((message) => JSON.parse(message)),
    /** How the gate treats reads from now on: open, slow, failing or closed. */
    setGate: (mode) => control.put('mode', mode),
    reads: async () => Number((await control.get('reads')) ?? 0),
  };
  return worker;
}

/** Asks until the answer is as wanted, and gives it. What is waited for happens in the background, at no promised time. */
export async function eventually(ask, wanted, what, within = 5_000) {
  const until = Date.now() + within;
  let last;
  do {
    last = await ask();
    if (wanted(last)) return last;
    await sleep(20);
  } while (Date.now() < until);
  throw new Error(`${what}: not within ${within} ms; last was ${JSON.stringify(last)}`);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
