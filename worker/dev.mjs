// `make dev`: builds everything, checks parity, seeds the local KV, and serves the Workers and the debug page until it is stopped.
//
//   FF_HOST, FF_PORT   where to listen: 127.0.0.1 and 8787
//   FF_VERIFY_MODE, FF_ALLOW_DEV_HEADERS, FF_JWT_…, POLICY_…   whose tokens are taken: docs/trust.md; nobody needs one unless they say so
//   FF_RATE_CLIENT, FF_RATE_TENANT   requests a second; as many as there come unless they say so, since all of them come from one machine
//   These two lines are the edge's alone. What the objects read (FF_WEBHOOK_HOSTS, FF_AUDIT_SINK_URL, …) can be set in objects/.dev.vars
//   --no-build         serve what was built before
//   --state FOLDER     where the local KV is kept: .wrangler/state
//
// The environment brings the tools: `tools/env.sh` sets it. Exit status: 1 when it refuses to start, else wrangler's.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const host = process.env.FF_HOST || '127.0.0.1';
const port = Number(process.env.FF_PORT || 8787);
/** wrangler on the edge's configuration, and on the objects' where they run side by side. */
const wrangler = ['wrangler', '--config', join(here, 'wrangler.jsonc')];
const both = [...wrangler, '--config', join(root, 'objects', 'wrangler.jsonc')];
const env = {
  ...process.env,
  // No questions, and nothing that reports or asks outside: not usage, not errors, not for newer versions; NODE_ENV keeps
  // Miniflare from asking where this machine is.
  CI: 'true',
  NODE_ENV: 'test',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
};

// The seeds: tenants whose snapshots are put into the local KV. All but the first are there for parity checks over HTTP.
const vector = (file) => readFileSync(join(root, 'parity', 'vectors', file), 'utf8');
const SEEDS = {
  // With the eight example rows, of users and tenants that no vector names.
  platform: () => JSON.stringify({ ...JSON.parse(vector('registry.json')), overrides: JSON.parse(vector('overrides.json')).rows }),
  parity: () => vector('synthetic.json'),
  'parity-rules': () => JSON.stringify(JSON.parse(vector('rules.json')).registry),
};
// Variables that are handed on from the environment, and what they are where it does not say.
const HANDED_ON = ['FF_VERIFY_MODE', 'FF_ALLOW_DEV_HEADERS', 'FF_JWT_AUDIENCE', 'FF_JWT_ISSUER', 'FF_JWT_ALGORITHMS', 'POLICY_JWKS_URL', 'POLICY_JWT_PUBLIC_KEY', 'FF_RATE_CLIENT', 'FF_RATE_TENANT'];
const UNLESS_SAID = { FF_ALLOW_DEV_HEADERS: 'true', FF_RATE_CLIENT: '0', FF_RATE_TENANT: '0' };
const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 5_000;

/** What the person who started this can mend: it needs no stack trace. */
class Refusal extends Error {}

// ---- Child processes, of which none may be left behind -----------------------------------------------------------------

const children = new Set();

/** Starts a program in a process group of its own, so that all that it starts can be stopped with it. */
function start([command, ...args], stdio) {
  const child = spawn(command, args, { cwd: root, env, stdio, detached: true });
  children.add(child);
  child.ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 1, error }));
    child.once('exit', (code, signal) => resolve({ code: code ?? 1, signal }));
  });
  child.ended.then(() => children.delete(child));
  return child;
}

function signalAll(signal) {
  for (const { pid } of children) {
    try {
      process.kill(-pid, signal);
    } catch {
      // It has ended by itself.
    }
  }
}

let stopping = false;
for (const [signal, status] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.on(signal, async () => {
    if (stopping) return;
    stopping = true;
    const all = Promise.all([...children].map((child) => child.ended));
    signalAll('SIGTERM');
    await Promise.race([all, pause(STOPPED_WITHIN_MS)]);
    process.exit(status);
  });
}
process.on('exit', () => signalAll('SIGKILL'));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** Runs a program to its end and gives its output; what goes wrong with it is shown as it was printed. */
async function run(command, what) {
  const child = start(command, ['ignore', 'pipe', 'pipe']);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const { code, error } = await child.ended;
  if (stopping) await new Promise(() => {});
  if (code !== 0) throw new Refusal(`${output.trimEnd()}\n\n${what} failed${error ? `: ${error.message}` : ''}; not starting.`);
  return output.trimEnd();
}

// ---- The steps -----------------------------------------------------------------------------------------------------------

async function build() {
  const steps = { npm: '20 s, minutes the first time', worker: '10 s, minutes the first time', www: '5 s' };
  for (const [folder, about] of Object.entries(steps)) {
    console.log(`build   ${folder} (up to ${about})`);
    await run(['node', join(folder, 'build.mjs')], `the build of ${folder}`);
  }
}

async function checkParity() {
  for (const target of ['reference', 'npm']) {
    const output = await run(['node', join('parity', 'verify.mjs'), '--target', target], `the parity check of ${target}`);
    console.log(`parity  ${target}: ${output.split('\n').at(-1)}`);
  }
}

async function seed(state) {
  const folder = mkdtempSync(join(tmpdir(), 'burgee-seed-'));
  try {
    const entries = Object.entries(SEEDS).map(([tenant, read]) => ({ key: `snapshot:${tenant}`, value: read() }));
    writeFileSync(join(folder, 'seed.json'), JSON.stringify(entries));
    const put = ['kv', 'bulk', 'put', join(folder, 'seed.json'), '--binding', 'FLAGS', '--local'];
    await run([...wrangler, ...put, '--persist-to', state], 'seeding the local KV');
    console.log(`seed    ${entries.map(({ key }) => key).join(', ')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// The example tenant, written as anybody writes: through the API. What is there already stays, whoever changed it.
const EXAMPLE = 'acme';
const EXAMPLE_SEGMENTS = [
  { key: 'beta', name: 'Beta testers', conditions: { attr: 'groups', op: 'contains', value: 'beta' } },
  { key: 'north-america', name: 'North America', conditions: { attr: 'country', op: 'in', values: ['CA', 'US', 'MX'] } },
];
const EXAMPLE_FLAGS = [
  {
    ...{ key: 'checkout.new', type: 'boolean', state: 'on', description: 'The new checkout, for a quarter of all users', tags: ['checkout'] },
    ...{ default_variant: 'off', kill_switch: 'payments' },
    rules: [{ id: 'quarter', when: { percentage: 25 }, serve: { variant: 'on' } }],
  },
  {
    ...{ key: 'home.layout', type: 'string', state: 'on', description: 'Which front page', tags: ['experiment'] },
    variants: ['control', 'grid', 'story'].map((key) => ({ key, value: key })),
    default_variant: 'control',
    fallthrough: { distribution: [{ variant: 'control', weight: 50 }, { variant: 'grid', weight: 25 }, { variant: 'story', weight: 25 }] },
  },
  {
    ...{ key: 'canvas.gpu', type: 'boolean', state: 'on', description: 'Drawing on the graphics card, for testers', default_variant: 'off' },
    rules: [{ id: 'testers', when: { segment: 'beta' }, serve: { variant: 'on' } }],
  },
  {
    ...{ key: 'search.config', type: 'json', state: 'on', description: 'How the search behaves', default_variant: 'standard' },
    variants: [{ key: 'standard', value: { page_size: 20, fuzzy: false } }, { key: 'wide', value: { page_size: 50, fuzzy: true } }],
    rules: [{ id: 'region', when: { segment: 'north-america' }, serve: { variant: 'wide' } }],
  },
  {
    ...{ key: 'checkout.express', type: 'boolean', state: 'on', description: 'Paying at once, where the new checkout is on', default_variant: 'on' },
    ...{ prerequisites: [{ flag: 'checkout.new', variants: ['on'] }], kill_switch: 'payments' },
  },
];

async function seedTenant(base) {
  const headers = { 'Content-Type': 'application/json', 'X-Tenant-ID': EXAMPLE };
  const ask = async (method, path, body, wanted) => {
    const response = await fetch(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!wanted.includes(response.status)) throw new Refusal(`seeding ${EXAMPLE}: ${method} ${path} gave ${response.status}\n${await response.text()}`);
    return response;
  };
  const issued = await (await ask('POST', '/v1/auth/token', { sub: 'make-dev', tenants: [EXAMPLE] }, [200])).json();
  headers.Authorization = `Bearer ${issued.access_token}`;
  for (const [list, entries] of Object.entries({ segments: EXAMPLE_SEGMENTS, flags: EXAMPLE_FLAGS })) {
    for (const entry of entries) {
      const { status } = await ask('GET', `/v1/${list}/${entry.key}`, undefined, [200, 404]);
      if (status === 404) await ask('POST', `/v1/${list}`, entry, [200, 201]);
    }
  }
  console.log(`seed    tenant ${EXAMPLE}: ${EXAMPLE_FLAGS.length} flags, ${EXAMPLE_SEGMENTS.length} segments`);
}

/** wrangler would take another port where this one is taken, and the URL that everybody knows would be somebody else's. */
async function checkPort() {
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Refusal('FF_PORT must be a port: 1 to 65535');
  await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', ({ code, message }) => {
      const reason = code === 'EADDRINUSE' ? 'is in use; name another with FF_PORT' : `cannot be listened on: ${message}`;
      reject(new Refusal(`${host}:${port} ${reason}`));
    });
    probe.listen(port, host, () => probe.close(resolve));
  });
}

async function serve(state) {
  const listen = ['--ip', host, '--port', String(port), '--inspector-port', '0'];
  const quiet = ['--show-interactive-dev-session=false', '--log-level', 'log'];
  // A secret of this run alone: whoever reaches the address gets a token by asking for one.
  const secret = randomBytes(32).toString('hex');
  const said = Object.fromEntries(Object.entries(process.env).filter(([name, value]) => HANDED_ON.includes(name) && value));
  const handedOn = Object.entries({ ...UNLESS_SAID, ...said });
  const settings = ['FF_OPEN_REGISTRIES:parity,parity-rules', 'FF_OPEN_ISSUER:1', `FF_TOKEN_SECRET:${secret}`, ...handedOn.map((pair) => pair.join(':'))];
  const vars = settings.flatMap((setting) => ['--var', setting]);
  const server = start([...both, 'dev', ...listen, ...quiet, ...vars, '--persist-to', state], ['ignore', 'inherit', 'inherit']);
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const ready = waitUntilReady(base).then(async () => {
    await seedTenant(base);
    console.log(`\nready   ${base}   the debug page; stop with Ctrl-C\n`);
    console.log(`  curl -s '${base}/api/flags/eval?key=flags.registry_v1&user=U-1&tier=staff&env=prod'`);
    console.log(`  TOKEN=$(curl -s ${base}/v1/auth/token --json '{"sub": "me"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`);
    console.log(`  curl -s ${base}/v1/flags -H "Authorization: Bearer $TOKEN" -H 'X-Tenant-ID: acme'`);
    console.log(`  node parity/verify.mjs --target ${base}\n`);
  });
  const ended = server.ended.then(({ code, error }) => {
    if (stopping) return new Promise(() => {});
    if (error) throw new Refusal(`wrangler cannot be started: ${error.message}`);
    return code;
  });
  await Promise.race([ready, ended]);
  return ended;
}

async function waitUntilReady(base) {
  const until = Date.now() + READY_WITHIN_MS;
  while (Date.now() < until) {
    try {
      const response = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(2_000) });
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await pause(100);
  }
  throw new Refusal(`${base}/readyz was not ready within ${READY_WITHIN_MS / 1000} s`);
}

try {
  const { values } = parseArgs({
    options: { 'no-build': { type: 'boolean', default: false }, state: { type: 'string', default: join(root, '.wrangler', 'state') } },
  });
  await checkPort();
  if (!values['no-build']) await build();
  await checkParity();
  await seed(values.state);
  process.exit(await serve(values.state));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exit(1);
}
