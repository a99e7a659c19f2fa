// One contestant on one route, in an isolate of its own: opened, checked, warmed up, and then run whenever it is told to.
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { DOCUMENTS, PERCENTAGE, RULE_KEY, STATIC_KEY, documentText, people } from '../shapes.mjs';
import { CONTESTANTS } from './contestants.mjs';

// Enough on a busy machine too, where the JIT's own thread waits its turn; an evaluation of all flags is called far less often.
const WARM_UP_MS = { one: 300, all: 500 };
const contestant = CONTESTANTS[workerData.contestant];
const route = contestant.routes[workerData.route];
const document = DOCUMENTS[workerData.document];
const text = documentText(contestant.form, workerData.document);

// One of the peers warns, of its own glue, on each start.
console.warn = () => {};

function claim(holds, what) {
  if (!holds) throw new Error(`${workerData.contestant}: ${what}`);
}

/** Checks that it decides right, and gives those people whom its own buckets let in: they are the measured ones. */
async function check(engine) {
  const answers = createHash('sha256');
  const decide = async (key, person) => {
    if (contestant.explain) answers.update(JSON.stringify(contestant.explain(engine, key, person)));
    return (await contestant.decide(engine, key, person)) === true;
  };
  const everybody = people();
  const key = document.keys.includes(RULE_KEY) ? RULE_KEY : document.keys.at(-1);
  const letIn = [];
  for (const person of everybody) if (await decide(key, person)) letIn.push(person);
  const share = (letIn.length / everybody.length) * 100;
  claim(Math.abs(share - PERCENTAGE) < 2, `${share.toFixed(1)} % of the people are in, where ${PERCENTAGE} % are due`);
  const { country, plan, ...nobody } = letIn[0];
  for (const stranger of [{ ...nobody, country: 'US', plan }, { ...nobody, country, plan: 'free' }, { ...nobody, plan }, { ...nobody, country }]) {
    claim(!(await decide(key, stranger)), `the conditions let in ${JSON.stringify(stranger)}`);
  }
  if (document.withStatic) claim(await decide(STATIC_KEY, letIn[0]), 'the static flag is off');
  return { key, everybody, measured: letIn.slice(0, 16), digest: contestant.explain && answers.digest('hex') };
}

/** Times a loop of its own, and holds its answer against the one that is due. */
function timed(loop, due) {
  return async (n) => {
    const began = performance.now();
    const pending = loop(n);
    const answer = typeof pending === 'number' ? pending : await pending;
    const ms = performance.now() - began;
    claim(answer === due(n), `${answer} were on, where ${due(n)} are due`);
    return ms;
  };
}

async function warmUp(run) {
  const until = performance.now() + WARM_UP_MS[workerData.kind];
  while (performance.now() < until) await run();
}

/** For each kind of task, what is to be run for a shape. */
const PREPARE = {
  async one(engine, { everybody, measured }) {
    // First as in an application: many flags, and people of whom most are out.
    const mixed = [...document.keys, STATIC_KEY].map((key) => route.one(engine, key, everybody.slice(0, 16)));
    await warmUp(async () => {
      for (const loop of mixed) await loop(16);
    });
    return (key) => ({ run: timed(route.one(engine, key, measured), (n) => n), often: 1000 });
  },

  async all(engine, { measured }) {
    const on = [];
    for (const person of measured) {
      const answers = await Promise.all(document.keys.map((key) => contestant.decide(engine, key, person)));
      on.push(answers.filter((answer) => answer === true).length);
    }
    const run = timed(route.all(engine, measured), (n) => on[(n - 1) % on.length]);
    for (let n = 1; n <= on.length; n++) await run(n);
    return () => ({ run, often: 20 });
  },

  /** Loading, until the first answer; giving back what was loaded is not counted. */
  async load(engine, { key, measured }) {
    return () => ({
      often: 0,
      async run(n) {
        let ms = 0;
        for (let i = 0; i < n; i++) {
          const began = performance.now();
          const loaded = await contestant.open(text);
          const answer = await contestant.decide(loaded, key, measured[0]);
          ms += performance.now() - began;
          claim(answer === true, 'what was loaded again decides otherwise');
          await contestant.close(loaded);
        }
        return ms;
      },
    });
  },
};

const engine = await contestant.open(text);
const checked = await check(engine);
const prepared = await PREPARE[workerData.kind](engine, checked);
const runs = {};
for (const [shape, key] of Object.entries(workerData.shapes)) {
  const { run, often } = prepared(key);
  runs[shape] = run;
  if (often > 0) await warmUp(() => run(often));
}
parentPort.on('message', async ({ shape, n }) => parentPort.postMessage(await runs[shape](n)));
parentPort.postMessage({ digest: checked.digest });
