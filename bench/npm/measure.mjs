// The npm package beside its peers, on this Node: every contestant in a worker of its own, so that none shapes the code that the JIT
// makes for another, and round after round in turn, so that the machine's noise meets all alike.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { RULE_KEY, STATIC_KEY } from '../shapes.mjs';
import { summary } from '../statistics.mjs';
import { CONTESTANTS } from './contestants.mjs';

const SAMPLE_MS = 2;
// Of each isolate, not counted: loops of the measured length make the JIT think again.
const SETTLING_ROUNDS = 5;

// One start of the workers serves all shapes of a task. What the JIT makes of the same code differs from one isolate to the next, so
// there are several, each for some rounds.
const TASKS = [
  { kind: 'one', document: 'one', shapes: { A: STATIC_KEY, B: RULE_KEY }, isolates: 3, rounds: 31 },
  { kind: 'all', document: '100', shapes: { 'all of 100': undefined }, isolates: 3, rounds: 21 },
  { kind: 'all', document: '1000', shapes: { 'all of 1,000': undefined }, isolates: 3, rounds: 15 },
  { kind: 'load', document: '10000', shapes: { 'load of 10,000': undefined }, isolates: 1, rounds: 7 },
];

function version({ package: name }) {
  if (name === undefined) return undefined;
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}

/** The contestants' routes for a task; a load has none, and is measured once for each contestant. */
function entriesOf({ kind }) {
  return Object.entries(CONTESTANTS).flatMap(([contestant, { routes }]) => {
    if (kind === 'load') return [{ contestant, route: undefined, style: 'key' }];
    return Object.entries(routes)
      .filter(([, route]) => route[kind])
      .map(([route, { style }]) => ({ contestant, route, style }));
  });
}

async function start({ kind, document, shapes }, { contestant, route }) {
  const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData: { kind, document, shapes, contestant, route } });
  // What a worker throws, its check's findings included, comes out of `once` as a rejection.
  const [{ digest }] = await once(worker, 'message');
  const run = async (shape, n) => {
    worker.postMessage({ shape, n });
    const [ms] = await once(worker, 'message');
    return ms;
  };
  return { worker, run, digest, counts: {} };
}

/** As many calls as take about a sample's time. */
async function calibrate(run, shape) {
  for (let n = 1; ; n *= 2) {
    const ms = await run(shape, n);
    if (ms >= SAMPLE_MS / 2) return Math.max(1, Math.round((n * SAMPLE_MS) / ms));
  }
}

/** Adds the samples of one isolate for each entry, in ns, round after round. */
async function sample(task, entries, samples, rounds) {
  const shapes = Object.keys(task.shapes);
  const running = [];
  try {
    for (const entry of entries) {
      const started = await start(task, entry);
      running.push(started);
      for (const shape of shapes) started.counts[shape] = task.kind === 'load' ? 1 : await calibrate(started.run, shape);
    }
    const digests = new Set(running.map(({ digest }) => digest).filter(Boolean));
    if (digests.size > 1) throw new Error(`${shapes}: burgee and the plain evaluator do not give the same answers`);
    for (const shape of shapes) {
      for (let round = task.kind === 'load' ? 0 : -SETTLING_ROUNDS; round < rounds; round++) {
        for (const [index, { run, counts }] of running.entries()) {
          const n = counts[shape];
          // The caches are the last contestant's: a tenth is run before it counts.
          if (task.kind !== 'load') await run(shape, Math.ceil(n / 10));
          const ms = await run(shape, n);
          if (round >= 0) samples[shape][index].push((ms / n) * 1e6);
        }
      }
    }
  } finally {
    await Promise.all(running.map(({ worker }) => worker.terminate()));
  }
}

async function measureTask(task, smoke) {
  const entries = entriesOf(task);
  const samples = Object.fromEntries(Object.keys(task.shapes).map((shape) => [shape, entries.map(() => [])]));
  for (let i = 0; i < (smoke ? 1 : task.isolates); i++) await sample(task, entries, samples, smoke ? 3 : task.rounds);
  return Object.entries(samples).flatMap(([shape, rows]) =>
    entries.map((entry, index) => ({
      group: 'npm',
      shape,
      ...entry,
      version: version(CONTESTANTS[entry.contestant]),
      ns: summary(rows[index]),
    })),
  );
}

export async function measureNpm({ say, smoke }) {
  const results = [];
  for (const task of TASKS) {
    say(`npm: ${Object.keys(task.shapes).join(', ')}`);
    results.push(...(await measureTask(task, smoke)));
  }
  return results;
}
