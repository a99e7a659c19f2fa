// A tenant of ten thousand flags on workerd: what a write takes until it is answered, seen and published, what listing takes, and how the edge
// answers at a steady rate meanwhile.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unstable_getMiniflareWorkerOptions as workerOptions } from 'wrangler';
import { OBJECTS, SECRET, sleep, token } from '../../worker/test/harness.mjs';
import { KEY, PEOPLE, TENANT, UNHINDERED, WORKER, built, cpuMs, envelope, evaluation, snapshotText, startClient } from '../edge/measure.mjs';
import { serve } from '../edge/workerd.mjs';
import { documentText } from '../shapes.mjs';
import { summary } from '../statistics.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

const FULL = { starts: 2, writes: 12, bursts: 3_000, loadMs: 5_000 };
const SMOKE = { starts: 1, writes: 2, bursts: 200, loadMs: 300 };
const RATES = [500, 5_000];

/** How many flags a page lists, the most that may be asked for. */
const PAGE = 100;

/** The other isolate looks for news so often, in ms; deployed, it is 5,000. */
const SOFT_TTL_MS = 100;

/** The connections that a steady rate is spread over. */
const CONNECTIONS = 32;

/** Nothing here takes so long. */
const GIVE_UP_MS = 20_000;

const BEARER = token();

/** Ten thousand flags like B. The one that is asked for has conditions that a query can carry; the others name attributes of their own. */
function flags() {
  const [document, carried] = [documentText('burgee', '10000'), snapshotText('10000')].map((text) => JSON.parse(text));
  const asked = carried.flags.find(({ key }) => key === KEY);
  return { ...document, flags: document.flags.map((flag) => (flag.key === KEY ? asked : flag)) };
}

// ---- The Workers -----------------------------------------------------------------------------------------------------

/** Two isolates at the edge, the objects in a third, and what stands for KV; `disk` is where the objects' databases are. */
function services(disk) {
  const told = { FF_PLATFORM_TENANT: TENANT, FF_TOKEN_SECRET: SECRET, FF_ALLOW_DEV_HEADERS: 'true', ...UNHINDERED };
  const optionsOf = (folder) => workerOptions(join(folder, 'wrangler.jsonc')).workerOptions;
  const { durableObjects, compatibilityDate: date } = optionsOf(OBJECTS);
  const classes = Object.entries(durableObjects).map(([binding, { className }]) => [binding, className]);
  const objects = Object.fromEntries(classes.map(([binding, className]) => [binding, { object: { className, service: 'objects' } }]));
  const worker = (folder, more) => ({
    date,
    modules: built(join(folder, 'build')),
    bindings: { ...optionsOf(folder).bindings, ...told, FLAGS: { kv: 'kv' }, ...objects, ...more },
  });
  return {
    disk: { disk },
    kv: { date, modules: { 'kv.mjs': join(HERE, 'workers', 'kv.mjs') }, bindings: {} },
    objects: { ...worker(OBJECTS), objects: { classes: classes.map(([, className]) => className), storage: 'disk' } },
    edge: worker(WORKER),
    other: worker(WORKER, { FF_SOFT_TTL_MS: String(SOFT_TTL_MS) }),
  };
}

// ---- Asking ----------------------------------------------------------------------------------------------------------

async function ask(port, method, path, body, more = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { Authorization: `Bearer ${BEARER}`, 'X-Tenant-ID': TENANT, 'Content-Type': 'application/json', ...more },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status} ${text.slice(0, 500)}`);
  return { body: text && JSON.parse(text), version: Number(response.headers.get('X-Burgee-Version')) };
}

const question = ({ user_id, ...attributes }) => ({ flag_key: KEY, user: { id: user_id, attributes } });

/** The version that an isolate answers from. */
const seen = async (port) => (await ask(port, 'POST', '/v1/evaluate', question(PEOPLE[0]))).body.snapshot_version;

const written = async (port) => (await fetch(`http://127.0.0.1:${port}/written`)).json();

/** Asks again and again until the answer is as wanted. */
async function until(wanted, what) {
  const began = performance.now();
  while (!(await wanted())) {
    if (performance.now() - began > GIVE_UP_MS) throw new Error(`${what}: not within ${GIVE_UP_MS} ms`);
    await sleep(2);
  }
}

/** The same as requests for `client.mjs`. */
function v1Evaluation(person) {
  const body = JSON.stringify(question(person));
  const head = ['Host: flags.example', `Authorization: Bearer ${BEARER}`, `X-Tenant-ID: ${TENANT}`, 'Content-Type: application/json'];
  return `POST /v1/evaluate HTTP/1.1\r\n${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const ROUTES = { 'POST /v1/evaluate': v1Evaluation, 'GET /api/flags/eval': evaluation };

// ---- Measuring -------------------------------------------------------------------------------------------------------

const SHAPE = '10,000 flags';

/** Samples of one start of workerd, whose tenant is made anew. */
async function measureStart({ plan, document, client, say }) {
  const disk = mkdtempSync(join(tmpdir(), 'burgee-bench-objects-'));
  const { ports, pid, stop } = await serve(services(disk), ['edge', 'other', 'kv']);
  const samples = [];
  /** Does something, and notes how long it took, and for how long the process was on a CPU meanwhile. */
  const timed = async (of, work) => {
    const [before, began] = [cpuMs(pid), performance.now()];
    const result = await work();
    const ms = performance.now() - began;
    samples.push({ shape: SHAPE, of, ms: ms * 1e6, cpu: before === undefined ? undefined : (cpuMs(pid) - before) * 1e6 });
    return result;
  };
  let landed = 0;
  const quiet = async () => {
    await until(async () => (await written(ports.kv)).at > landed, 'the publication');
    landed = (await written(ports.kv)).at;
  };
  // Each write turns one flag off and on again; the flag that is asked for stays as it is.
  let turn = 0;
  const write = () => ask(ports.edge, 'PATCH', '/v1/flags/feature-00001', { state: (turn += 1) % 2 ? 'off' : 'on' });
  try {
    const imported = await timed('importing them', () => ask(ports.edge, 'POST', '/v1/import', document));
    if (imported.body.created !== document.flags.length) throw new Error(`${imported.body.created} flags were imported`);
    await quiet();
    const letIn = await check(ports);
    await timed('listing them all', () => list(ports.edge, document.flags.length));
    for (let round = 0; round < plan.writes; round += 1) {
      // KV takes one write a second: the alarm of the next write is then due at once.
      await sleep(1_050);
      const { version } = await timed('a write, to its answer', write);
      await timed('  from there until KV has it', quiet);
      await until(async () => (await seen(ports.other)) === version, 'the version at the other isolate');
      await sleep(1_050);
      const { version: next } = await write();
      const began = performance.now();
      const here = timed('  until the isolate that carried it answers from it', () => seen(ports.edge));
      if ((await here) < next) throw new Error('the isolate that carried a write answers without it');
      await until(async () => (await seen(ports.other)) >= next, 'the version at the other isolate');
      samples.push({ shape: SHAPE, of: '  until another isolate does, which looks every 100 ms', ms: (performance.now() - began) * 1e6 });
      await quiet();
    }
    const began = performance.now();
    while (performance.now() - began < plan.bursts) await timed('a write, one after the other, to its answer', write);
    await until(async () => (await seen(ports.other)) === (await ask(ports.edge, 'GET', '/v1/snapshot')).body.version, 'the last version');
    for (const writing of [false, true]) {
      for (const [route, request] of Object.entries(ROUTES)) {
        for (const rate of RATES) {
          say(`control: ${rate} a second by ${route}${writing ? ', while flags are written' : ''}`);
          const requests = letIn.map(request);
          await client.ask({ port: ports.edge, requests, connections: CONNECTIONS, ms: 300 });
          const before = cpuMs(pid);
          const asked = client.ask({ port: ports.edge, requests, connections: CONNECTIONS, ms: plan.loadMs, rate });
          let asking = true;
          const writer = async () => {
            for (; writing && asking; await Promise.race([asked, sleep(1_000)])) await write();
          };
          const [{ count, ms, p50, p95, p99 }] = await Promise.all([asked.finally(() => (asking = false)), writer()]);
          const cpu = before === undefined ? undefined : ((cpuMs(pid) - before) / count) * 1e6;
          const shape = writing ? 'load, a write a second' : 'load';
          samples.push({ shape, of: route, rate, perSecond: (count / ms) * 1000, p50: p50 * 1e6, p95: p95 * 1e6, p99: p99 * 1e6, cpu });
        }
      }
    }
  } finally {
    await stop();
    rmSync(disk, { recursive: true, force: true });
  }
  return samples;
}

/** Pages through all flags. */
async function list(port, due) {
  let count = 0;
  for (let token = ''; token !== null; ) {
    const { body } = await ask(port, 'GET', `/v1/flags?limit=${PAGE}${token && `&page_token=${encodeURIComponent(token)}`}`);
    count += body.items.length;
    token = body.next_page_token;
  }
  if (count !== due) throw new Error(`${count} flags are listed, where ${due} are due`);
}

/** Checks that both isolates and both routes decide alike, and gives some people who are let in. */
async function check(ports) {
  const letIn = [];
  for (const person of PEOPLE) {
    const [, path] = evaluation(person).split(' ');
    const answers = new Set();
    for (const port of [ports.edge, ports.other]) {
      answers.add((await ask(port, 'POST', '/v1/evaluate', question(person))).body.value);
      answers.add(envelope(await (await fetch(`http://127.0.0.1:${port}${path}`)).text()));
    }
    if (answers.size > 1) throw new Error(`they disagree on ${person.user_id}`);
    if (answers.has(true)) letIn.push(person);
  }
  const share = (letIn.length / PEOPLE.length) * 100;
  if (share < 15 || share > 35) throw new Error(`${share} % of the people are in, where 25 % are due`);
  return letIn.slice(0, 16);
}

/** Rows of what was sampled. Times are in ns. */
function rows(samples) {
  const groups = Map.groupBy(samples, ({ shape, of, rate }) => `${shape} ${of} ${rate}`);
  return [...groups.values()].map((group) => {
    const [{ shape, of, rate, ...numbers }] = group;
    const told = Object.keys(numbers).filter((name) => numbers[name] !== undefined);
    const summaries = told.map((name) => [name, summary(group.map((sample) => sample[name]))]);
    return { group: 'control', shape, of, rate, ...Object.fromEntries(summaries) };
  });
}

export async function measureControl({ say, smoke }) {
  const plan = smoke ? SMOKE : FULL;
  const document = flags();
  const client = startClient();
  const samples = [];
  try {
    for (let start = 0; start < plan.starts; start += 1) {
      say(`control: start ${start + 1} of ${plan.starts}`);
      samples.push(...(await measureStart({ plan, document, client, say })));
    }
  } finally {
    client.stop();
  }
  return rows(samples);
}
