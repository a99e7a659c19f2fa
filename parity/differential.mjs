// Draws random cases and holds the oracle, the native evaluator and the npm package together, field by field:
//
//   node parity/differential.mjs [--seed N] [--count 20000] [--native PATH] [--npm PATH | --no-npm]
//
// Exit status: 0 no differences, 1 differences, 2 the run could not be made.
import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { at, differences, show } from './compare.mjs';
import { generate } from './generate.mjs';
import { NativeEvaluator } from './native.mjs';
import { loadPackage } from './npm-package.mjs';

const USAGE = 'usage: node parity/differential.mjs [--seed N] [--count N] [--native PATH] [--npm PATH | --no-npm]';
const NPM_FOLDER = fileURLToPath(new URL('../npm', import.meta.url));
const SHOWN = 20;
// What has no value there is null, and never left out.
const HANDLE_FIELDS = ['flag_key', 'value', 'variant', 'enabled', 'source', 'reason', 'rule_id', 'prerequisite', 'flag_version'];

const FF = createRequire(import.meta.url)('./reference/evaluator.js');

function unusable(message) {
  return Object.assign(new Error(message), { isUnusable: true });
}

function readArguments() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        seed: { type: 'string' },
        count: { type: 'string', default: '20000' },
        native: { type: 'string' },
        npm: { type: 'string' },
        'no-npm': { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw unusable(`${error.message}\n${USAGE}`);
  }
  const number = (name, text, high) => {
    if (!/^\d+$/.test(text) || Number(text) > high) throw unusable(`--${name} is not a number up to ${high}\n${USAGE}`);
    return Number(text);
  };
  const withNpm = !values['no-npm'];
  if (!withNpm && (values.npm !== undefined || values.native === undefined)) {
    throw unusable(`with --no-npm there must be a --native, and no --npm\n${USAGE}`);
  }
  return {
    seed: values.seed === undefined ? randomInt(2 ** 32) : number('seed', values.seed, 2 ** 32 - 1),
    count: number('count', values.count, 10_000_000),
    native: values.native,
    npm: withNpm ? (values.npm ?? NPM_FOLDER) : undefined,
  };
}

async function main({ seed, count, native, npm }) {
  console.log(`seed ${seed}`);
  const wasm = npm === undefined ? undefined : openPackage(npm);
  const nativeEvaluator = native === undefined ? undefined : new NativeEvaluator(native);
  const findings = new Findings();
  let requests = 0;

  const finish = (drawn, index, nativeAnswer) => {
    requests += drawn.requests.length;
    compareCase(drawn, index, nativeAnswer, wasm, findings);
  };
  try {
    let index = 0;
    for (const drawn of generate(seed, count)) {
      const place = index++;
      if (nativeEvaluator) await nativeEvaluator.ask(drawn, (answer) => finish(drawn, place, answer));
      else finish(drawn, place, undefined);
    }
    await nativeEvaluator?.end();
  } catch (error) {
    throw nativeEvaluator?.failure ? unusable(error.message) : error;
  }

  findings.print();
  if (requests !== count) console.log(`FAIL  ${requests} requests were compared, and should be ${count}`);
  const compared = ['oracle', ...(native ? ['native'] : []), ...(wasm ? ['wasm'] : [])].join(findings.total === 0 ? ' = ' : ' ≠ ');
  console.log(`differential seed=${seed} · ${requests} cases · ${compared} · ${findings.total} differences`);
  return findings.total === 0 && requests === count;
}

function openPackage(folder) {
  try {
    return loadPackage(folder, ['evaluate', 'evaluateBatch', 'Snapshot']);
  } catch (error) {
    throw unusable(error.message);
  }
}

// ---- What each of them says ----------------------------------------------------------------------------------------

// A refusal, or what `make` gives. The errors of evaluators carry a pointer; others are theirs to explain.
function attempt(make) {
  try {
    return make();
  } catch (error) {
    if (typeof error?.pointer === 'string') return { refused: { code: error.code, pointer: error.pointer } };
    return { threw: String(error) };
  }
}

// Of a warning, its words are everybody's own.
const comparable = (warnings) => warnings.map(({ code, pointer }) => `${code} ${pointer}`);

// A key that is not Unicode cannot come back from a program that holds text as UTF-8: it is known to be unknown, and
// its name is not compared.
function readNative({ refused, warnings, decisions }, requests) {
  if (refused) return { refused };
  const named = (decision, i) => (/[\ud800-\udfff]/u.test(requests[i].key) ? { ...decision, flag_key: requests[i].key } : decision);
  return { warnings: comparable(warnings), decisions: decisions.map(named) };
}

function compareCase(drawn, index, nativeAnswer, wasm, findings) {
  const { registry, text, requests } = drawn;
  const oracle = attempt(() => {
    const loaded = FF.load(registry);
    return {
      loaded,
      warnings: comparable(loaded.warnings),
      decisions: requests.map((request) => FF.evaluate(loaded, request)),
    };
  });
  if (oracle.threw) throw new Error(`the oracle failed on case ${index}: ${oracle.threw}`);
  const report = (what, request, expected, answers) => findings.add({ index, drawn, what, request }, expected, answers);

  const answers = [];
  if (nativeAnswer) answers.push(['native', readNative(nativeAnswer, requests)]);
  // In the package nobody can be permitted anything.
  const bare = requests.map(({ permits, ...request }) => request);
  if (wasm) {
    const written = JSON.stringify([registry, bare]);
    answers.push(['wasm', dropIn(wasm, registry, bare)]);
    if (text) answers.push(['wasm, from text', dropIn(wasm, text, bare)]);
    if (JSON.stringify([registry, bare]) !== written) report('changed by evaluating', undefined, written, []);
  }

  if (oracle.refused) {
    report('refused', undefined, { refused: oracle.refused }, answers.map(([who, answer]) => [who, refusal(answer)]));
    return;
  }
  report('warnings', undefined, { warnings: oracle.warnings }, answers.map(([who, answer]) => [who, refusal(answer) ?? { warnings: answer.warnings }]));
  requests.forEach((request, i) => {
    const said = answers.filter(([, answer]) => answer.decisions).map(([who, { decisions }]) => [who, decisions[i]]);
    const byNative = ([who]) => who === 'native';
    report('decision', request, oracle.decisions[i], said.filter(byNative));
    report('decision', bare[i], FF.evaluate(oracle.loaded, bare[i]), said.filter((one) => !byNative(one)));
  });
  if (wasm) compareHandles(wasm, oracle.loaded, { registry, text, requests: bare }, report);
}

const refusal = ({ refused, threw }) => (refused ? { refused } : threw ? { threw } : undefined);

function dropIn(wasm, registry, requests) {
  return attempt(() => {
    const snapshot = new wasm.Snapshot(registry);
    const warnings = comparable(snapshot.warnings);
    snapshot.free();
    const decisions = requests.map((request) => attempt(() => wasm.evaluate(registry, request)));
    // The same through a batch, which must say the same of each flag in it.
    const { key, ...rest } = requests[0];
    const batch = attempt(() => wasm.evaluateBatch(registry, { ...rest, flags: [key, key] }));
    if (differences([decisions[0], decisions[0]], batch).length > 0) decisions[0] = { batch, single: decisions[0] };
    return { warnings, decisions };
  });
}

// The handle interface: by key and by handles, with and without a time.
function compareHandles(wasm, loaded, { registry, text, requests }, report) {
  const snapshot = attempt(() => new wasm.Snapshot(text ?? registry));
  if (refusal(snapshot)) return; // Reported with the warnings.
  const pick = (decision) => Object.fromEntries(HANDLE_FIELDS.map((name) => [name, decision[name] ?? null]));
  const compare = (how, request, expected, evaluate) => {
    const got = attempt(evaluate);
    if (!Object.isFrozen(got) && !refusal(got)) report(`${how}: frozen`, request, { isFrozen: true }, [['wasm', { isFrozen: false }]]);
    // What OpenFeature is told (section 6 of the page) is not the oracle's to say.
    const { openfeature_reason: reason, metadata, ...rest } = got;
    report(how, request, pick(expected), [['wasm', rest]]);
  };
  requests.forEach((request, i) => {
    const { key, context, overrides, now } = request;
    const bare = { key, context, now };
    compare('snapshot.evaluate, by key', request, FF.evaluate(loaded, request), () => snapshot.evaluate(key, context, { overrides, now }));
    const kept = snapshot.context(context);
    compare('snapshot.evaluate, by handles', request, FF.evaluate(loaded, bare), () => snapshot.evaluate(snapshot.flag(key), kept, { now }));
    if (i === 0) {
      const keys = [...loaded.flags.keys()];
      const values = FF.evaluateBatch(loaded, { flags: keys, context, now }).map(({ value }) => value);
      const all = attempt(() => snapshot.evaluateAll(kept, { now }));
      report('snapshot.evaluateAll', request, zip(keys, values), [['wasm', all]]);
      compare('snapshot.evaluate, by the clock', request, FF.evaluate(loaded, { key, context }), () => snapshot.evaluate(key, context));
    }
    kept.free?.();
  });
  snapshot.free();
}

// Without a prototype: one of the keys is `__proto__`.
function zip(keys, values) {
  const object = Object.create(null);
  keys.forEach((key, i) => (object[key] = values[i]));
  return object;
}

// ---- What came out -------------------------------------------------------------------------------------------------

class Findings {
  total = 0;
  #shown = [];

  /** `answers` is a list of `[who, answer]`, of which each should be as `expected`. */
  add(where, expected, answers) {
    const found = answers.flatMap(([who, answer]) => differences(expected, answer).map((difference) => ({ who, ...difference })));
    if (where.what === 'changed by evaluating') found.push({ pointer: '' });
    for (const pointer of new Set(found.map((difference) => difference.pointer))) {
      this.total += 1;
      if (this.#shown.length >= SHOWN) continue;
      this.#shown.push({
        ...where,
        pointer,
        said: [['oracle', at(expected, pointer)], ...answers.map(([who, answer]) => [who, at(answer, pointer)])],
      });
    }
  }

  print() {
    for (const { index, drawn, what, request, pointer, said } of this.#shown) {
      console.log(`DIFFERS  case ${index}, ${what}: ${pointer || '(the whole)'}`);
      for (const [who, value] of said) console.log(`    ${who.padEnd(16)} ${show(value)}`);
      if (request) console.log(`    ${'request'.padEnd(16)} ${show(request, 2000)}`);
      console.log(`    ${'registry'.padEnd(16)} ${show(relevant(drawn.registry, request?.key), 4000)}`);
      if (drawn.text) console.log(`    ${'as text'.padEnd(16)} ${drawn.text.slice(0, 4000)}`);
    }
    if (this.total > this.#shown.length) console.log(`and ${this.total - this.#shown.length} differences more`);
  }
}

// A registry without the entries that have nothing to do with the flag and its prerequisites.
function relevant(registry, key) {
  if (key === undefined || !Array.isArray(registry?.flags)) return registry;
  const keys = new Set([key]);
  // A set goes on while it grows.
  for (const one of keys) {
    for (const { prerequisites } of registry.flags.filter((flag) => flag?.key === one)) {
      if (Array.isArray(prerequisites)) for (const prerequisite of prerequisites) keys.add(prerequisite?.flag);
    }
  }
  const about = (list, name) => (Array.isArray(list) ? list.filter((entry) => keys.has(entry?.[name])) : list);
  return { ...registry, flags: about(registry.flags, 'key'), overrides: about(registry.overrides, 'flag') };
}

// ---- The run --------------------------------------------------------------------------------------------------------

try {
  process.exitCode = (await main(readArguments())) ? 0 : 1;
} catch (error) {
  if (!error.isUnusable) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
