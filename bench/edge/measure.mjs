// burgee's Worker on workerd beside the least that a Worker can be, in JavaScript and in Rust, and beside flags evaluated in plain
// JavaScript: requests a second, how long they take, and what the first request of a new isolate waits for.
import { execFileSync, fork } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unstable_getMiniflareWorkerOptions as workerOptions } from 'wrangler';
import { PERCENTAGE, documentText, people } from '../shapes.mjs';
import { summary } from '../statistics.mjs';
import { serve } from './workerd.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const BENCH = dirname(HERE);
export const WORKER = join(dirname(BENCH), 'worker');

export const TENANT = 'bench';

/** Requests are counted, as where it is deployed, and none is too many: all of them come from one client. */
export const UNHINDERED = { FF_RATE_CLIENT: '1000000', FF_RATE_TENANT: '1000000' };
export const KEY = 'feature-00500';

// The JIT does not make the same code each time, nor does the collector of garbage find the same heap: so several starts of workerd, and
// rounds in each. A round has samples long enough for many collections.
const FULL = { starts: 5, warmUpMs: 400, rounds: 4, sampleMs: 150, isolates: 4 };
const SMOKE = { starts: 1, warmUpMs: 50, rounds: 2, sampleMs: 50, isolates: 2 };
const CONNECTIONS = [1, 8];

/** The shape of a new isolate that has much to load. */
const LOAD = 'a new isolate, 10,000 flags';

// ---- Flags and people ------------------------------------------------------------------------------------------------

/** Shape B of attributes that a query can carry. */
const WHEN = {
  all: [
    { attr: 'tier', op: 'equals', value: 'pro' },
    { attr: 'role_key', op: 'in', values: ['admin', 'owner'] },
  ],
};

export function snapshotText(name) {
  const document = JSON.parse(documentText('burgee', name));
  for (const { rules } of document.flags) rules[0].when = WHEN;
  return JSON.stringify({ ...document, tenant: TENANT });
}

export const PEOPLE = people()
  .slice(0, 200)
  .map(({ user_id }, index) => ({ user_id, tier: 'pro', role_key: index % 2 ? 'admin' : 'owner' }));

// ---- Requests --------------------------------------------------------------------------------------------------------

const HEADERS = 'Host: flags.example\r\nAccept: */*\r\nUser-Agent: burgee-bench\r\n';

export function evaluation({ user_id, tier, role_key }) {
  const query = new URLSearchParams({ key: KEY, user: user_id, tenant: 'T-1', tier, env: 'prod', role_key });
  return `GET /api/flags/eval?${query} HTTP/1.1\r\n${HEADERS}\r\n`;
}

function ofrepEvaluation({ user_id, ...attributes }) {
  const body = JSON.stringify({ context: { targetingKey: user_id, ...attributes } });
  const head = `${HEADERS}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  return `POST /ofrep/v1/evaluate/flags/${KEY} HTTP/1.1\r\n${head}\r\n${body}`;
}

const health = () => `GET /healthz HTTP/1.1\r\n${HEADERS}\r\n`;

// ---- Contestants -----------------------------------------------------------------------------------------------------

export const envelope = (text) => JSON.parse(text).data.value;
const hello = 'Hello, World!';

/** A Worker, how it is asked, and how its answer is read: as a decision, or else as what every answer must be. */
const CONTESTANTS = [
  { contestant: 'burgee', route: 'GET /api/flags/eval', worker: 'burgee', request: evaluation, decision: envelope },
  { contestant: 'burgee', route: 'POST /ofrep/v1/…', worker: 'burgee', request: ofrepEvaluation, decision: (text) => JSON.parse(text).value },
  { contestant: 'plain JS', route: 'flags in module scope', worker: 'plain', request: evaluation, decision: envelope },
  { contestant: 'hello-world', route: 'workers-rs', worker: 'hello-rs', request: evaluation, answer: hello },
  { contestant: 'hello-world', route: 'JS', worker: 'hello-js', request: evaluation, answer: hello },
];

// A route that needs no flags shows what a new isolate takes without them.
const BARE = { contestant: 'burgee', route: 'GET /healthz', worker: 'burgee', request: health, answer: 'ok' };
/** The same flags in the form in which tenants' objects publish them. */
const PACKED = { ...CONTESTANTS[0], route: 'packed', service: 'first-packed' };
const FIRST = [CONTESTANTS[0], PACKED, BARE, ...CONTESTANTS.slice(2)];

/** What a new isolate answers first with ten thousand flags, in each form that they may be stored in; and without any, to be taken off. */
const LOADS = [
  { contestant: 'burgee', route: 'as JSON', service: 'load-json', request: evaluation, decision: envelope },
  { contestant: 'burgee', route: 'packed', service: 'load-packed', request: evaluation, decision: envelope },
  { contestant: 'burgee', route: 'GET /healthz', service: 'load-packed', request: health, answer: 'ok' },
];

/** The modules of a build by their names, the main one first. */
export function built(folder) {
  const names = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, join(folder, name)]));
}

const own = (name) => join(HERE, 'workers', name);
const named = (prefix, entries) => Object.fromEntries(Object.entries(entries).map(([name, value]) => [`${prefix}:${name}`, value]));
const fresh = (worker) => `fresh-${worker}`;
const anew = ({ service, worker }) => service ?? fresh(worker);

/** The Workers as workerd serves them: each one kept, and each one anew for every request; burgee's also with other documents, by `loads`. */
function services(document, loads) {
  const { bindings, compatibilityDate: date } = workerOptions(join(WORKER, 'wrangler.jsonc')).workerOptions;
  const workers = {
    burgee: { modules: built(join(WORKER, 'build')), variables: { ...bindings, FF_PLATFORM_TENANT: TENANT, FF_ALLOW_DEV_HEADERS: 'true', ...UNHINDERED } },
    plain: { modules: { 'plain.mjs': own('plain.mjs'), 'evaluator.mjs': join(BENCH, 'npm', 'plain.mjs') }, variables: { TENANT } },
    'hello-rs': { modules: built(join(HERE, 'hello', 'build')), variables: {} },
    'hello-js': { modules: { 'hello.mjs': own('hello.mjs') }, variables: {} },
  };
  const stored = (file) => ({ KEY: `snapshot:${TENANT}`, DOCUMENT: { file } });
  const snapshot = stored(document);
  const all = { kv: { date, modules: { 'kv.mjs': own('snapshot-kv.mjs') }, bindings: snapshot } };
  for (const [name, { modules, variables }] of Object.entries(workers)) {
    all[name] = { date, modules, bindings: { ...variables, FLAGS: { kv: 'kv' } } };
    const files = Object.fromEntries(Object.entries(modules).map(([module, file]) => [module, { file }]));
    const parts = { ...named('module', files), ...named('text', variables), MAIN: Object.keys(modules)[0], DATE: date };
    const loaded = (snapshot) => ({
      date,
      flags: ['experimental'],
      modules: { 'fresh.mjs': own('fresh.mjs') },
      bindings: { ...snapshot, ...parts, LOADER: { loader: null } },
    });
    all[fresh(name)] = loaded(snapshot);
    if (name === 'burgee') for (const [service, file] of Object.entries(loads)) all[service] = loaded(stored(file));
  }
  return all;
}

// ---- Measuring -------------------------------------------------------------------------------------------------------

/** The other process, which asks; one task at a time. */
export function startClient() {
  const child = fork(join(HERE, 'client.mjs'));
  const ask = (task) =>
    new Promise((resolve, reject) => {
      const end = (code, signal) => reject(new Error(`the client ended: ${signal ?? code}`));
      if (!child.connected) return end(child.exitCode, child.signalCode);
      child.once('exit', end).once('message', (told) => {
        child.off('exit', end);
        if (told.error) reject(new Error(told.error));
        else resolve(told);
      });
      child.send(task);
    });
  return { ask, stop: () => child.connected && child.disconnect() };
}

/** For how long a process has been on a CPU, ms; none where the system does not say it so exactly. */
export function cpuMs(pid) {
  try {
    const stat = (thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + Number(stat(thread).split(' ')[0]), 0) / 1e6;
  } catch {
    return undefined;
  }
}

async function once(port, { worker, service = worker, request, decision, answer }, person) {
  const [head, body] = request(person).split('\r\n\r\n');
  const [method, path] = head.split(' ');
  const headers = body ? { 'Content-Type': 'application/json' } : {};
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, body: body || undefined });
  const text = await response.text();
  if (response.status !== 200 || (answer ?? text) !== text) throw new Error(`${service}: ${method} ${path} was answered ${response.status} ${text}`);
  return decision?.(text);
}

/** Checks that each answers right and that those who decide decide alike, and gives some people who are let in. */
async function check(ports) {
  const letIn = [];
  for (const person of PEOPLE) {
    const answers = new Set();
    for (const contestant of CONTESTANTS) if (contestant.decision) answers.add(await once(ports[contestant.worker], contestant, person));
    if (answers.size > 1) throw new Error(`they disagree on ${person.user_id}`);
    if (answers.has(true)) letIn.push(person);
  }
  const share = (letIn.length / PEOPLE.length) * 100;
  if (Math.abs(share - PERCENTAGE) > 10) throw new Error(`${share} % of the people are in, where ${PERCENTAGE} % are due`);
  for (const stranger of [{ ...letIn[0], tier: 'free' }, { ...letIn[0], role_key: 'guest' }]) {
    for (const contestant of [...CONTESTANTS, BARE]) {
      if (await once(ports[contestant.worker], contestant, stranger)) throw new Error(`${contestant.worker} lets in whom it must not`);
    }
  }
  for (const contestant of FIRST) {
    const value = await once(ports[anew(contestant)], contestant, letIn[0]);
    if (contestant.decision && value !== true) throw new Error(`a new isolate of ${contestant.worker} decides otherwise`);
  }
  for (const load of LOADS) {
    const value = await once(ports[load.service], load, letIn[0]);
    if (load.decision && value !== true) throw new Error(`a new isolate with ten thousand flags ${load.route} decides otherwise`);
  }
  return letIn.slice(0, 16);
}

/** One start of workerd: everybody is asked in turn, beginning with another each time, so that the machine's noise meets all alike. */
async function measureStart({ workers, client, start, plan }) {
  const turned = (list) => [...list.slice(start % list.length), ...list.slice(0, start % list.length)];
  const { ports, pid, stop } = await serve(workers, Object.keys(workers).filter((name) => name !== 'kv'));
  const samples = [];
  try {
    const measured = await check(ports);
    const tasks = turned(CONNECTIONS.flatMap((connections) => CONTESTANTS.map((of) => ({ of, connections }))));
    const ask = ({ of, connections }, ms) => client.ask({ port: ports[of.worker], requests: measured.map(of.request), connections, ms });
    for (const task of tasks) await ask(task, plan.warmUpMs);
    for (let round = 0; round < plan.rounds; round++) {
      for (const task of tasks) {
        const before = cpuMs(pid);
        const { count, ms, p50, p99 } = await ask(task, plan.sampleMs);
        const cpu = before && (cpuMs(pid) - before) / count;
        samples.push({ shape: `${task.connections} at once`, of: task.of, perSecond: (count / ms) * 1000, p50: p50 * 1e6, p99: p99 * 1e6, cpu: cpu && cpu * 1e6 });
      }
    }
    // The first is not counted: what it meets for the first time is workerd's own.
    for (let round = -1; round < plan.isolates; round++) {
      for (const of of turned(FIRST)) {
        const task = { requests: [of.request(measured[0])], connections: 1, ms: 0 };
        const first = await client.ask({ ...task, port: ports[anew(of)] });
        const warm = await client.ask({ ...task, port: ports[of.worker] });
        if (round >= 0) samples.push({ shape: 'a new isolate', of, first: first.p50 * 1e6, warm: warm.p50 * 1e6 });
      }
    }
    for (let round = -1; round < plan.isolates; round++) {
      for (const of of turned(LOADS)) {
        const before = cpuMs(pid);
        const { p50 } = await client.ask({ requests: [of.request(measured[0])], connections: 1, ms: 0, port: ports[of.service] });
        const cpu = before && cpuMs(pid) - before;
        if (round >= 0) samples.push({ shape: LOAD, of, first: p50 * 1e6, cpu: cpu && cpu * 1e6 });
      }
    }
  } finally {
    await stop();
  }
  return samples;
}

/** Rows of what was sampled: of each contestant in each shape, what is told of every number. Times are in ns. */
function rows(samples) {
  const groups = Map.groupBy(samples, ({ shape, of }) => `${shape} ${of.contestant} ${of.route}`);
  return [...groups.values()].map((group) => {
    const [{ shape, of, ...numbers }] = group;
    const told = Object.keys(numbers).filter((name) => numbers[name] !== undefined);
    const summaries = told.map((name) => [name, summary(group.map((sample) => sample[name]))]);
    return { group: 'edge', shape, contestant: of.contestant, route: of.route, ...Object.fromEntries(summaries) };
  });
}

/** Writes the documents, and gives their files. `pack` is the program that packs one. */
function writeDocuments(inputs, pack) {
  const file = (name) => join(inputs, name);
  const write = (name, text) => (writeFileSync(file(name), text), file(name));
  const packed = (input) => execFileSync(pack, { input, maxBuffer: 32 * 1024 * 1024 });
  const [some, many] = ['1000', '10000'].map(snapshotText);
  return {
    document: write('edge-snapshot.json', some),
    loads: {
      'first-packed': write('edge-snapshot.packed', packed(some)),
      'load-json': write('edge-snapshot-10000.json', many),
      'load-packed': write('edge-snapshot-10000.packed', packed(many)),
    },
  };
}

export async function measureEdge({ say, smoke, inputs, pack }) {
  const { document, loads } = writeDocuments(inputs, pack);
  const workers = services(document, loads);
  const plan = smoke ? SMOKE : FULL;
  const client = startClient();
  const samples = [];
  try {
    for (let start = 0; start < plan.starts; start++) {
      say(`edge: start ${start + 1} of ${plan.starts}`);
      samples.push(...(await measureStart({ workers, client, start, plan })));
    }
  } finally {
    client.stop();
  }
  const order = [...CONTESTANTS, ...LOADS.slice(0, 2), BARE];
  const place = ({ contestant, route }) => order.findIndex((of) => of.contestant === contestant && of.route === route);
  const shapes = [...CONNECTIONS.map((connections) => `${connections} at once`), 'a new isolate', LOAD];
  return rows(samples).sort((a, b) => shapes.indexOf(a.shape) - shapes.indexOf(b.shape) || place(a) - place(b));
}
