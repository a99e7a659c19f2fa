// The built Workers, the edge's and the objects', on the real runtime: Miniflare runs workerd with the options that wrangler makes of each
// wrangler.jsonc, so that what is tested is what `wrangler dev` and `wrangler deploy` run.

import { createHmac } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions as workerOptions } from 'wrangler';

export const WORKER = dirname(dirname(fileURLToPath(import.meta.url)));
export const CONFIG = join(WORKER, 'wrangler.jsonc');
export const OBJECTS = join(dirname(WORKER), 'objects');
export const OBJECTS_CONFIG = join(OBJECTS, 'wrangler.jsonc');
const PROBE = join(WORKER, 'test', 'probe.mjs');

/** A folder that is removed when the test that made it ends. */
export function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'burgee-worker-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The variables that are secrets, by the Worker that is given them. They stand in no file, and in no line of the log (config.test.mjs, secrets.test.mjs). */
export const SECRETS_OF = {
  burgee: ['FF_TOKEN_SECRET', 'FF_CLIENTS', 'FF_SIGNING_KEYS', 'FF_METRICS_TOKEN'],
  'burgee-objects': ['FF_SIGNING_KEYS', 'FF_AUDIT_SINK_SECRET'],
};
export const SECRETS = [...new Set(Object.values(SECRETS_OF).flat())];

/** Variables that no configuration has: what tests alone set, and an old name. */
const UNWRITTEN = ['FF_TEST_PANIC', 'FF_TEST_CLOCK', 'FF_OPEN_ISSUER', 'POLICY_JWT_VERIFY'];

/** What tests sign tokens with. */
export const SECRET = 'the-tests-sign-with-this-and-nobody-else-does';

/** A token of `/v1`, as the issuer would make it. */
export function token({ sub = 'tester', scopes = ['admin'], tenants = ['*'], iat = 0, exp = 4e9, aud = 'burgee' } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'burgee', aud, sub, scopes, tenants, iat, exp })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

/** A built Worker's modules, the main one first. */
export const modulesOf = (main) => [
  { type: 'ESModule', path: main },
  { type: 'CompiledWasm', path: join(dirname(main), 'index_bg.wasm') },
];

/**
 * Starts an edge and objects of its own, with empty storage; they are stopped when `t` ends.
 *
 * Callers need no token, unless `vars` says otherwise.
 *
 * @param vars set on the Worker whose wrangler.jsonc has them, or whose secrets they are; `undefined` takes one away
 * @param gate stands between the Worker and its KV, and its objects: see kv-gate.mjs
 * @param others gives further Workers beside these two, of their options; it may change those, and say of each which queues it `consumes`
 * @param outbound `host:port` that every request of the Worker to the outside goes to, by HTTP, whatever its URL says
 * @param assets the folder of static files; none are served where it is left out
 * @param state a folder for what is stored, so that another Worker can go on with it; in memory where it is left out
 * @param isolates how many edges share KV and objects; `worker.isolate(n)` gives the fetch of each
 */
export async function startWorker(t, { vars = {}, gate = false, others = () => [], assets, outbound, state, isolates = 1 } = {}) {
  const logs = [];
  const set = { FF_TOKEN_SECRET: SECRET, FF_ALLOW_DEV_HEADERS: 'true', FF_RATE_CLIENT: '0', FF_RATE_TENANT: '0', ...vars };
  const unread = new Set(Object.keys(set));
  const [edge, objects] = [[CONFIG, 'burgee'], [OBJECTS_CONFIG, 'burgee-objects']].map(([config, name]) => {
    const { main, workerOptions: options } = workerOptions(config);
    // A variable that is given to the one and read by the other is found out.
    const own = new Set([...Object.keys(options.bindings), ...SECRETS_OF[name], ...UNWRITTEN]);
    const given = Object.entries(set).filter(([variable]) => own.has(variable));
    for (const [variable] of given) unread.delete(variable);
    return {
      ...options,
      name,
      modules: modulesOf(main),
      modulesRoot: dirname(main),
      modulesRules: undefined,
      bindings: Object.fromEntries(Object.entries({ ...options.bindings, ...Object.fromEntries(given) }).filter(([, value]) => value !== undefined)),
      ...(outbound && { outboundService: { external: { address: outbound, http: {} } } }),
      ...(gate && { kvNamespaces: {}, wrappedBindings: { FLAGS: { scriptName: 'gate' } } }),
    };
  });
  if (unread.size > 0) throw new Error(`no Worker is given ${[...unread].join(', ')}`);
  const { FLAGS } = workerOptions(CONFIG).workerOptions.kvNamespaces;
  const tenants = { className: 'Tenant', scriptName: 'burgee-objects', useSQLite: true };
  edge.assets = assets && { ...edge.assets, directory: assets };
  // wrangler says of classes of another Worker nothing but their names.
  for (const object of Object.values(edge.durableObjects)) object.useSQLite = true;
  if (gate === 'objects') {
    for (const worker of [edge, objects]) {
      worker.wrappedBindings.TENANTS = { scriptName: 'object-gate' };
      delete worker.durableObjects.TENANTS;
    }
  }
  // Tests look into an object's tables, and put rows there, through a class around the real one.
  objects.durableObjects.PROBED = tenants;
  objects.modules = [{ type: 'ESModule', path: PROBE }, ...objects.modules];
  objects.modulesRoot = dirname(WORKER);
  // A queue has one consumer; another Worker may say that it `consumes` one that these do not.
  const further = others(edge, objects).map(({ consumes, ...other }) => ({ ...other, queueConsumers: consumes }));
  const edges = Array.from({ length: isolates }, (_, at) => ({ ...edge, name: at === 0 ? 'burgee' : `burgee-${at}` }));
  const gates = [
    {
      name: 'gate',
      modules: [{ type: 'ESModule', path: join(WORKER, 'test', 'kv-gate.mjs') }],
      kvNamespaces: { KV: FLAGS, CONTROL: 'control' },
    },
    {
      name: 'object-gate',
      modules: [{ type: 'ESModule', path: join(WORKER, 'test', 'object-gate.mjs') }],
      kvNamespaces: { CONTROL: 'control' },
      durableObjects: { OBJECTS: tenants },
    },
  ];
  const miniflare = new Miniflare({
    workers: [...edges, objects, ...(gate ? gates.slice(0, gate === 'objects' ? 2 : 1) : []), ...further],
    host: '127.0.0.1',
    port: 0,
    cf: false,
    ...(state && { kvPersist: join(state, 'kv'), durableObjectsPersist: join(state, 'objects') }),
    handleStructuredLogs({ message }) {
      logs.push(message);
    },
  });
  let stopped;
  const stop = () => (stopped ??= miniflare.dispose());
  t.after(stop);
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
    stop,
    kv,
    /** Another isolate of the same Worker, by its number; its fetch. */
    isolate: async (at) => {
      const { fetch: ask } = await miniflare.getWorker(at === 0 ? 'burgee' : `burgee-${at}`);
      return (path, init) => ask(new URL(path, base), init);
    },
    /** A request to `/v1`: the status, the response, and the JSON body if there is one. */
    async v1(tenant, method, path, body, { claims, headers, at, through = worker.fetch } = {}) {
      const response = await through(path, {
        method,
        headers: {
          Authorization: `Bearer ${token(claims)}`,
          'X-Tenant-ID': tenant,
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...(at !== undefined && { 'X-Burgee-Test-Now': String(at) }),
          ...headers,
        },
        body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, response, text, body: text && /json/.test(response.headers.get('Content-Type')) ? JSON.parse(text) : null };
    },
    /** Runs the alarm of a tenant's object as of a time. */
    alarm: (tenant, at) => worker.fetch(`/__test/tenants/${tenant}/alarm`, { method: 'POST', headers: at === undefined ? {} : { 'X-Burgee-Test-Now': String(at) } }),
    /** Runs statements in a tenant's database, past all code, and gives the last one's rows; or the error, as `{error}`. */
    async sql(tenant, ...statements) {
      const { fetch: ask } = await miniflare.getWorker('burgee-objects');
      const response = await ask(`http://probe/${tenant}`, { method: 'POST', body: JSON.stringify(statements) });
      return response.json();
    },
    /** Ends a tenant's object, as the platform does now and then: what it had in memory alone is gone. */
    async evict(tenant) {
      const { fetch: ask } = await miniflare.getWorker('burgee-objects');
      await ask(`http://probe/${tenant}?evict`, { method: 'POST' }).catch(() => {});
    },
    /** How the gate treats reads of KV from now on: open, slow, failing or closed. */
    setGate: (mode) => control.put('mode', mode),
    /** How it treats writes to KV: open, failing, or held (they seem to land, and do not). */
    setWrites: (mode) => control.put('writes', mode),
    /** How the way to objects is: open, failing or closed. */
    setObjects: (mode) => control.put('objects', mode),
    writes: async () => Number((await control.get('write-count')) ?? 0),
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
