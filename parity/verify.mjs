// Runs the vectors against one target:
//
//   node parity/verify.mjs --target reference|npm|http://host:port [--npm PATH]
//
// Exit status: 0 all pass, 1 some do not, 2 the run could not be made.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { show } from './compare.mjs';
import { httpTarget } from './http-target.mjs';
import { loadPackage } from './npm-package.mjs';
import { KNOWN_INPUT, runVectors } from './runner.mjs';

const USAGE = 'usage: node parity/verify.mjs --target reference|npm|http://host:port [--npm PATH]';
const NPM_FOLDER = fileURLToPath(new URL('../npm', import.meta.url));

// What stops a run before it has a result.
class Unusable extends Error {}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof Unusable) && !error.isFatal) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function main() {
  const options = readArguments();
  const vectors = readVectors();
  const target = await openTarget(options, vectors.registries);
  const result = await runVectors({ ...vectors, target });
  report(result, target);
  return result.ok;
}

function readArguments() {
  let values;
  try {
    ({ values } = parseArgs({ options: { target: { type: 'string' }, npm: { type: 'string' } } }));
  } catch (error) {
    throw new Unusable(`${error.message}\n${USAGE}`);
  }
  const { target, npm } = values;
  if (!target) throw new Unusable(USAGE);
  if (npm !== undefined && target !== 'npm') throw new Unusable(`--npm goes with --target npm\n${USAGE}`);
  if (target !== 'reference' && target !== 'npm' && !/^https?:\/\//.test(target)) {
    throw new Unusable(`unknown target ${show(target)}\n${USAGE}`);
  }
  return { target, npm: npm ?? NPM_FOLDER };
}

function readVectors() {
  const read = (name) => {
    try {
      return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8'));
    } catch (error) {
      throw new Unusable(`vectors/${name}.json cannot be read: ${error.message}`);
    }
  };
  const rules = read('rules');
  const registries = { real: read('registry'), synthetic: read('synthetic'), rules: rules.registry };
  return { examples: read('examples'), hash: read('hash'), rules, registries };
}

async function openTarget({ target, npm }, registries) {
  if (target === 'reference') {
    const FF = createRequire(import.meta.url)('./reference/evaluator.js');
    return { ...FF, warningsOf: (registry) => FF.load(registry).warnings };
  }
  if (target === 'npm') {
    try {
      const { hashBucket, evaluate, evaluateBatch, Snapshot } = loadPackage(npm, ['hashBucket', 'evaluate', 'evaluateBatch', 'Snapshot']);
      return { hashBucket, evaluate, evaluateBatch, warningsOf: (registry) => warningsOf(new Snapshot(registry)) };
    } catch (error) {
      throw new Unusable(error.message);
    }
  }
  let base;
  try {
    base = new URL(target);
  } catch {
    throw new Unusable(`${show(target)} is not a URL\n${USAGE}`);
  }
  try {
    return await httpTarget(base.href.replace(/\/+$/, ''), registries);
  } catch (error) {
    throw new Unusable(error.message);
  }
}

function warningsOf(snapshot) {
  const { warnings } = snapshot;
  snapshot.free();
  return warnings;
}

function report({ ok, counts, hash, idempotency, examples, rules }, target) {
  if (target.closed) console.log(target.closed);
  for (const message of counts) console.log(`FAIL  ${message}`);
  for (const [part, { failures }] of [['hash', hash], ['idempotency', idempotency], ['example', examples], ['rules', rules]]) {
    for (const failure of failures) console.log(failureText(part, failure));
  }
  console.log(`hash ${hash.passed} pass · ${hash.failed} fail · ${KNOWN_INPUT} → ${hash.known}`);
  console.log(`idempotency ${idempotency.passed} pass · ${idempotency.failed} fail`);
  console.log(`rules ${rules.passed} pass · ${rules.failed} fail`);
  console.log(`${examples.passed} pass · ${examples.failed} fail · parity ${ok ? 'OK' : 'BROKEN'}`);
}

function failureText(part, { name, way, message, pointer, expected, got }) {
  const where = `FAIL  ${part} ${name}${way ? ` (${way})` : ''}`;
  return message ? `${where}\n      ${message}` : `${where} ${pointer}\n      expected ${show(expected)}\n      got      ${show(got)}`;
}
