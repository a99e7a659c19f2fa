#!/usr/bin/env node
// Measures burgee beside its peers, natively, as the npm package and at the edge, and a tenant's control plane, and prints one table. `make bench` runs it.
//
//   node bench/run.mjs [native|npm|edge|control]... [--json FILE] [--smoke]
//
// All are measured when none is named. --json writes what was measured to a file too; --smoke takes few rounds of each, which shows
// that everything runs and says nothing of its speed.
import { createHash } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, SetupError, which } from '../tools/env.mjs';
import { DOCUMENTS, RULE_KEY, STATIC_KEY, documentText, people } from './shapes.mjs';
import { summary } from './statistics.mjs';
import { render } from './table.mjs';

const HERE = join(ROOT, 'bench');
const TARGET = join(process.env.CARGO_TARGET_DIR || join(ROOT, 'target'), 'bench');
const INPUTS = join(TARGET, 'inputs');
const NATIVE_FORMS = ['burgee', 'unleash', 'eppo', 'launchdarkly'];

const exec = promisify(execFile);
const began = performance.now();
const say = (text) => console.error(`bench  ${text} (${((performance.now() - began) / 1000).toFixed(0)} s)`);

/** Runs a command to its end, with its messages on the screen, and gives what it printed. */
function run(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], ...options });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk));
    child.once('error', fail);
    child.once('close', (code) => (code === 0 ? done(output) : fail(new Error(`${command} ${args[0]} ended with status ${code}`))));
  });
}

// ---- What is needed beforehand ---------------------------------------------------------------------------------------

/** The peers from npm, where they are not there yet or others than the lock file names. */
async function installPeers() {
  const folder = join(HERE, 'npm');
  const stamp = join(folder, 'node_modules', '.burgee-stamp');
  const wanted = createHash('sha256').update(readFileSync(join(folder, 'package-lock.json'))).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('npm: installing the peers');
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  writeFileSync(stamp, wanted);
}

async function buildNpm() {
  say('npm: building the package');
  await run('node', ['npm/build.mjs']);
}

async function buildNative() {
  say('native: building (some minutes the first time)');
  const manifest = join(HERE, 'native', 'Cargo.toml');
  // Not --locked: what burgee-core depends on changes without asking here, and cargo adds it to the lock file.
  await run('cargo', ['build', '--quiet', '--release', '--bins', '--manifest-path', manifest, '--target-dir', TARGET]);
}

/** burgee's Worker, which is bundled with nothing of the npm package. */
async function buildWorker() {
  say('edge: building the Worker (a minute or two the first time)');
  await run('node', ['worker/build.mjs']);
}

/** What it is held against at the edge, and what packs snapshots. */
async function buildEdge() {
  say('edge: building what stands beside it');
  await run('cargo', ['build', '--quiet', '--release', '--locked', '-p', 'burgee-core', '--example', 'pack', '--target-dir', TARGET]);
  const { buildHello } = await import('./edge/build.mjs');
  buildHello(join(TARGET, 'hello'));
}

/** The flags and people, for programs that are not in JavaScript. */
function writeInputs() {
  mkdirSync(INPUTS, { recursive: true });
  const write = (name, text) => writeFileSync(join(INPUTS, `${name}.json`), text);
  write('people', JSON.stringify(people()));
  for (const [name, { keys, withStatic }] of Object.entries(DOCUMENTS)) {
    const rule = keys.includes(RULE_KEY) ? RULE_KEY : keys.at(-1);
    write(`keys-${name}`, JSON.stringify({ static: withStatic ? STATIC_KEY : null, rule, rules: keys }));
    for (const form of NATIVE_FORMS) write(`${form}-${name}`, documentText(form, name));
  }
}

// ---- Native ----------------------------------------------------------------------------------------------------------

const CRATES = { 'unleash-yggdrasil': 'unleash-yggdrasil', eppo_core: 'eppo_core', launchdarkly: 'launchdarkly-server-sdk-evaluation' };

function crateVersion(contestant) {
  const lock = readFileSync(join(HERE, 'native', 'Cargo.lock'), 'utf8');
  return new RegExp(`^name = "${CRATES[contestant]}"\nversion = "(.*)"`, 'm').exec(lock)?.[1];
}

async function measureNative(smoke) {
  const output = await run(join(TARGET, 'release', 'measure'), [INPUTS, ...(smoke ? ['--smoke'] : [])], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output).map(({ samples, ...row }) => ({
    group: 'native',
    ...row,
    version: crateVersion(row.contestant),
    ns: summary(samples),
  }));
}

// ---- Instructions ----------------------------------------------------------------------------------------------------

// The shapes that are counted, and how often each is run more in the second of two runs: enough that what else differs does not show.
const MORE = { A: 50_000, B: 20_000, 'all of 1,000': 20, 'load of 10,000': 1 };
const COUNTED = ['burgee', 'hand-written'];

async function countInstructions({ contestant, shape, style }, n) {
  const program = [join(TARGET, 'release', 'instructions'), INPUTS, contestant, shape, style, String(n)];
  const { stderr } = await exec('valgrind', ['--tool=callgrind', '--callgrind-out-file=/dev/null', ...program]);
  const count = /Collected : (\d+)/.exec(stderr)?.[1];
  if (count === undefined) throw new Error(`Callgrind did not say what it collected:\n${stderr}`);
  return Number(count);
}

/** Adds to burgee's rows, and to the hand-written ones, how many instructions one evaluation takes; says why where it cannot. */
async function addInstructions(results) {
  if (!which('valgrind')) return 'Instructions were not counted: there is no valgrind here.';
  const todo = results.filter(({ group, contestant, shape }) => group === 'native' && COUNTED.includes(contestant) && shape in MORE);
  const next = async () => {
    for (let row = todo.shift(); row !== undefined; row = todo.shift()) {
      const [few, more] = [await countInstructions(row, 1), await countInstructions(row, 1 + MORE[row.shape])];
      row.instructions = (more - few) / MORE[row.shape];
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  return '';
}

// ---- All of it -------------------------------------------------------------------------------------------------------

const GROUPS = ['native', 'npm', 'edge', 'control'];

function options(args) {
  const at = args.indexOf('--json');
  const json = at < 0 ? undefined : args.splice(at, 2)[1];
  const smoke = args.includes('--smoke');
  const groups = args.filter((arg) => arg !== '--smoke');
  const unknown = groups.filter((group) => !GROUPS.includes(group));
  if (unknown.length || (at >= 0 && json === undefined)) {
    throw new SetupError(`usage: node bench/run.mjs [${GROUPS.join('|')}]... [--json FILE] [--smoke]`);
  }
  return { json, smoke, groups: groups.length ? groups : GROUPS };
}

async function main({ json, smoke, groups }) {
  const results = [];
  const notes = [];
  if (smoke) notes.push('Few rounds of each: the times mean nothing.');
  if (groups.includes('npm')) {
    await installPeers();
    await buildNpm();
  }
  if (groups.includes('native')) {
    await buildNative();
    writeInputs();
  }
  if (groups.includes('edge') || groups.includes('control')) await buildWorker();
  if (groups.includes('edge')) await buildEdge();
  const [load] = loadavg();
  if (groups.includes('native')) {
    say('native: measuring');
    results.push(...(await measureNative(smoke)));
    say('native: counting instructions');
    const note = await addInstructions(results);
    if (note) notes.push(note);
  }
  if (groups.includes('npm')) {
    // Loaded here, because it loads the peers, and they had to be installed first.
    const { measureNpm } = await import('./npm/measure.mjs');
    results.push(...(await measureNpm({ say, smoke })));
  }
  if (groups.includes('edge')) {
    // Loaded here, because it loads the Workers' tools, which the others do without.
    const { measureEdge } = await import('./edge/measure.mjs');
    mkdirSync(INPUTS, { recursive: true });
    results.push(...(await measureEdge({ say, smoke, inputs: INPUTS, pack: join(TARGET, 'release', 'examples', 'pack') })));
  }
  if (groups.includes('control')) {
    const { measureControl } = await import('./control/measure.mjs');
    results.push(...(await measureControl({ say, smoke })));
  }
  const { stdout: rustc } = await exec('rustc', ['--version']);
  const machine = {
    cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? process.arch}`,
    load: load.toFixed(1),
    node: process.versions.node,
    rustc: rustc.trim().replace(/^rustc /, ''),
  }
  say('done');
  console.log(render({ machine, results, notes }));
  if (json) writeFileSync(json, `${JSON.stringify({ machine, notes, results }, null, 2)}\n`);
}

try {
  await main(options(process.argv.slice(2)));
} catch (error) {
  console.error(`bench  ${error instanceof SetupError ? error.message : error.stack}`);
  process.exitCode = 1;
}
