// burgee's Worker on workerd beside the least that a Worker can be, in JavaScript and in Rust, and beside flags evaluated in plain
// JavaScript: requests a second, how long they take, and what the first request of a new isolate waits for.
import { fork } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unstable_getMiniflareWorkerOptions as workerOptions } from 'wrangler';
import { documentText, people } from '../shapes.mjs';
import { summary } from '../statistics.mjs';
import { serve } from './workerd.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const BENCH = dirname(HERE);
const WORKER = join(dirname(BENCH), 'worker');

const TENANT = 'bench';
const KEY = 'feature-00500';

const CONNECTIONS = [1, 8];
const WARM_UP_MS = 1500;
const ROUND_MS = 300;
const ROUNDS = 15;
const ISOLATES = 20;

// ---- Flags and people ------------------------------------------------------------------------------------------------

/** Shape B of attributes that a query can carry. */
const WHEN = {
  all: [
    { attr: 'tier', op: 'equals', value: 'pro' },
    { attr: 'role_key', op: 'in', values: ['admin', 'owner'] },
  ],
};

function snapshotText() {
  const document = JSON.parse(documentText('burgee', '1000'));
  for (const { rules } of document.flags) rules[0].when = WHEN;
  return JSON.stringify({ ...document, tenant: TENANT });
}

const PEOPLE = people()
  .slice(0, 200)
  .map(({ user_id }, index) => ({ user_id, tier: 'pro', role_key: index % 2 ? 'admin' : 'owner' }));

// ---- Requests --------------------------------------------------------------------------------------------------------

const HEADERS = 'Host: flags.example\r\nAccept: */*\r\nUser-Agent: burgee-bench\r\n';

function evaluation({ user_id, tier, role_key }) {
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

const envelope = (text) => JSON.parse(text).data.value;

/** A Worker, how it is asked, and how its answer is read: as a decision, or else as what every answer must be. */
const CONTESTANTS = [
  { contestant: 'burgee', route: 'GET /api/flags/eval', worker: 'burgee', request: evaluation, decision: envelope },
  { contestant: 'burgee', route: 'POST /ofrep/v1', worker: 'burgee', request: ofrepEvaluation, decision: (text) => JSON.parse(text).value },
  { contestant: 'plain JS', route: 'flags in module scope', worker: 'plain', request: evaluation, decision: envelope },
  { contestant: 'hello-world', route: 'workers-rs', worker: 'hello-rs', request: evaluation, answer: 'Hello, World!' },
  { contestant: 'hello-world', route: 'JS', worker: 'hello-js', request: evaluation, answer: 'Hello, World!' },
];

/** A route that needs no flags: what a new isolate takes besides them. */
const BARE = { contestant: 'burgee', route: 'GET /healthz', worker: 'burgee', request: health, answer: 'ok' };

/** The modules of a build by their names, the main one first. */
function built(folder) {
  const names = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, join(folder, name)]));
}

const own = (name) => join(HERE, 'workers', name);

function workers(document) {
  const { bindings, compatibilityDate: date } = workerOptions(join(WORKER, 'wrangler.jsonc')).workerOptions;
  return {
    burgee: { date, modules: built(process.env.BURGEE_BENCH_WORKER ?? join(WORKER, 'build')), text: { ...bindings, FF_PLATFORM_TENANT: TENANT } },
    plain: { date, modules: { 'plain.mjs': own('plain.mjs'), 'evaluator.mjs': join(BENCH, 'npm', 'plain.mjs') }, text: { TENANT } },
    'hello-rs': { date, modules: built(join(HERE, 'hello', 'build')), text: {} },
    'hello-js': { date, modules: { 'hello.mjs': own('hello.mjs') }, text: {} },
  };
}

/** The Workers as workerd serves them: each one kept, and each one anew for every request. */
function services(document) {
  const snapshot = { KEY: `snapshot:${TENANT}`, DOCUMENT: { file: document } };
  const served = {};
  const all = { kv: { modules: { 'kv.mjs': own('snapshot-kv.mjs') }, bindings: snapshot } };
  for (const [name, { date, modules, text }] of Object.entries(workers())) {
    all.kv.date = date;
    served[name] = { date, modules, bindings: { ...text, FLAGS: { kv: 'kv' } } };
    const named = (prefix, entries, value) => Object.fromEntries(entries.map(([key, given]) => [`${prefix}:${key}`, value(given)]));
    served[fresh(name)] = {
      date,
      flags: ['experimental'],
      modules: { 'fresh.mjs': own('fresh.mjs') },
      bindings: {
        ...snapshot,
        ...named('module', Object.entries(modules), (file) => ({ file })),
        ...named('text', Object.entries(text), (value) => value),
        DATE: date,
        MAIN: Object.keys(modules)[0],
        LOADER: { loader: null },
      },
    };
  }
  return { all: { ...all, ...served }, served: Object.keys(served) };
}

const fresh = (name) => `fresh-${name}`;

// ---- Measuring -------------------------------------------------------------------------------------------------------

/** The other process, which asks; one task at a time. */
function startClient() {
  const child = fork(join(HERE, 'client.mjs'));
  const ask = (task) =>
    new Promise((resolve, reject) => {
      const end = () => reject(new Error('the client ended'));
      child.once('exit', end).once('message', (told) => {
        child.off('exit', end);
        if (told.error) reject(new Error(told.error));
        else resolve(told);
      });
      child.send(task);
    });
  return { ask, stop: () => child.disconnect() };
}

/** The time for which a process has run on a CPU, ms; Linux alone says it so exactly. */
function cpuMs(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e6;
  } catch {
    return undefined;
  }
}

/** Each must answer right before it is timed, and those that decide must decide alike. Gives the people who are let in. */
async function check(base) {
  const ask = async ({ worker, request, decision, answer }, person) => {
    const [head, body] = request(person).split('\r\n\r\n');
    const [method, path] = head.split(' ');
    const response = await fetch(new URL(path, base(worker)), { method, ...(method === 'POST' && { body, headers: { 'Content-Type': 'application/json' } }) });
    const text = await response.text();
    if (response.status !== 200 || (answer ?? text) !== text) throw new Error(`${worker}: ${head} was answered ${response.status} ${text}`);
    return decision?.(text);
  };
  const letIn = [];
  for (const person of PEOPLE) {
    const answers = [];
    for (const contestant of CONTESTANTS) if (contestant.decision) answers.push(await ask(contestant, person));
    if (new Set(answers).size > 1) throw new Error(`they disagree on ${person.user_id}: ${answers}`);
    if (answers[0]) letIn.push(person);
  }
  if (Math.abs(letIn.length / PEOPLE.length - 0.25) > 0.1) throw new Error(`${letIn.length} of ${PEOPLE.length} people are in, where a quarter is due`);
  const stranger = { ...letIn[0], tier: 'free' };
  for (const contestant of [...CONTESTANTS, BARE]) if (await ask(contestant, stranger)) throw new Error(`${contestant.worker} lets in whom it must not`);
  return letIn.slice(0, 16);
}

/** Rounds in which all take turns, so that the noise of the machine meets all alike. */
async function measureRequests({ ask, ports, pid, measured, rounds }) {
  const results = CONNECTIONS.flatMap((connections) =>
    CONTESTANTS.map(({ contestant, route, worker, request }) => ({
      task: { port: ports[worker], requests: measured.map(request), connections },
      row: { group: 'edge', shape: `${connections} at once`, contestant, route },
      samples: [],
    })),
  );
  for (const { task } of results) await ask({ ...task, ms: rounds > 3 ? WARM_UP_MS / CONNECTIONS.length : 50 });
  for (let round = 0; round < rounds; round++) {
    for (const { task, samples } of results) {
      const before = cpuMs(pid);
      const { count, ms, p50, p99 } = await ask({ ...task, ms: ROUND_MS });
      samples.push({ perSecond: (count / ms) * 1000, p50, p99, cpu: ((cpuMs(pid) - before) / count) * 1000 });
    }
  }
  return results.map(({ row, samples }) => ({
    ...row,
    perSecond: summary(samples.map(({ perSecond }) => perSecond)),
    p50: summary(samples.map(({ p50 }) => p50)),
    p99: summary(samples.map(({ p99 }) => p99)),
    cpu: summary(samples.map(({ cpu }) => cpu)),
  }));
}

/** What the first request of a new isolate takes, and what one of a warm isolate. */
async function measureIsolates({ ask, ports, measured, rounds }) {
  const results = [CONTESTANTS[0], BARE, ...CONTESTANTS.slice(2)].map(({ contestant, route, worker, request }) => ({
    task: { requests: [request(measured[0])], connections: 1, ms: 0 },
    worker,
    row: { group: 'edge', shape: 'a new isolate', contestant, route },
    first: [],
    warm: [],
  }));
  for (let round = -2; round < rounds; round++) {
    for (const { task, worker, first, warm } of results) {
      const cold = await ask({ ...task, port: ports[fresh(worker)] });
      const again = await ask({ ...task, port: ports[worker] });
      if (round < 0) continue;
      first.push(cold.p50);
      warm.push(again.p50);
    }
  }
  return results.map(({ row, first, warm }) => ({ ...row, first: summary(first), warm: summary(warm) }));
}

export async function measureEdge({ say, smoke, folder }) {
  const document = join(folder, 'edge-snapshot.json');
  writeFileSync(document, snapshotText());
  const { all, served } = services(document);
  const { ports, pid, stop } = await serve(all, served);
  const client = startClient();
  try {
    const measured = await check((worker) => `http://127.0.0.1:${ports[worker]}`);
    const given = { ask: client.ask, ports, pid, measured };
    say('edge: requests');
    const requests = await measureRequests({ ...given, rounds: smoke ? 3 : ROUNDS });
    say('edge: new isolates');
    return [...requests, ...(await measureIsolates({ ...given, rounds: smoke ? 3 : ISOLATES }))];
  } finally {
    client.stop();
    await stop();
  }
}
