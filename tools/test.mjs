#!/usr/bin/env node
// Runs the test suites one after the other and adds up what they ran. A suite that fails does not stop the rest, a suite
// that runs no test has failed, and nothing is tried twice.
//
//   node tools/test.mjs [suite or group]...   all of them, in this order, when none is named
//   node tools/test.mjs --list
//
// The last line is `N passed, N failed`, alone, for programs that read it.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { judge } from './counts.mjs';
import { ROOT, toolEnvironment } from './env.mjs';

const TARGET = process.env.CARGO_TARGET_DIR || join(ROOT, 'target');
const WASM = ['--target', 'wasm32-unknown-unknown'];
const WASM_CRATES = ['burgee-wasm', 'burgee-worker', 'burgee-objects'];

// ---- What there is to run --------------------------------------------------------------------------------------------
//
// `about` is a warm run's time on two cores, in seconds; a run is stopped after ten times that and never before ten
// minutes, because the first one compiles.

// Built once, before the first suite that needs it; when one fails, so does every suite that needs it.
const BUILDS = {
  native: { run: ['cargo', 'build', '--package', 'burgee-parity', '--bins'], about: 5 },
  npm: { run: ['node', 'npm/build.mjs'], about: 20 },
  worker: { run: ['node', 'worker/build.mjs'], after: ['npm'], about: 30 },
};

const SUITES = [
  { name: 'fmt', group: 'lint', reads: 'check', about: 2, run: ['cargo', 'fmt', '--all', '--check'] },
  {
    name: 'clippy',
    group: 'lint',
    reads: 'check',
    about: 10,
    run: ['cargo', 'clippy', '--workspace', '--all-targets', '--', '-D', 'warnings'],
  },
  {
    name: 'clippy-wasm',
    group: 'lint',
    reads: 'check',
    about: 10,
    run: ['cargo', 'clippy', ...WASM_CRATES.flatMap((name) => ['-p', name]), ...WASM, '--all-targets', '--', '-D', 'warnings'],
  },
  { name: 'tools', group: 'tools', reads: 'node', about: 10, tests: 'tools/test' },
  {
    name: 'core',
    group: 'core',
    reads: 'cargo',
    about: 60,
    run: ['cargo', 'test', '--workspace', '--exclude', 'burgee-worker', '--exclude', 'burgee-objects'],
  },
  // Inputs that were found by `make fuzz`, without searching for more.
  {
    name: 'fuzz-corpus',
    group: 'core',
    reads: 'pass',
    about: 5,
    run: ['cargo', 'test', '--locked', '--manifest-path', 'fuzz/Cargo.toml', '--target-dir', join(TARGET, 'fuzz'), '--test', 'corpus'],
  },
  // --tests leaves out the examples in comments, which the native run has already run.
  { name: 'wasm', group: 'npm', reads: 'cargo', about: 10, run: ['cargo', 'test', '-p', 'burgee-wasm', ...WASM, '--tests'] },
  { name: 'oracle', group: 'parity', reads: 'node', about: 5, tests: 'parity/reference' },
  { name: 'parity-reference', group: 'parity', reads: 'pass', about: 2, run: ['node', 'parity/verify.mjs', '--target', 'reference'] },
  { name: 'parity-npm', group: 'parity', reads: 'pass', about: 2, needs: ['npm'], run: ['node', 'parity/verify.mjs', '--target', 'npm'] },
  {
    name: 'differential',
    group: 'parity',
    reads: 'differential',
    about: 60,
    needs: ['native', 'npm'],
    run: ['node', 'parity/differential.mjs', '--native', join(TARGET, 'debug', 'burgee-parity')],
  },
  { name: 'npm', group: 'npm', reads: 'node', about: 90, needs: ['npm'], tests: 'npm/test' },
  { name: 'openfeature', group: 'npm', reads: 'node', about: 10, needs: ['npm'], tests: 'npm/conformance' },
  { name: 'worker', group: 'worker', reads: 'node', about: 280, needs: ['worker'], tests: 'worker/test' },
  // 17 cases on each of three backings.
  { name: 'backings', group: 'worker', reads: 'pass', about: 20, needs: ['worker'], run: ['node', 'parity/backings.mjs'] },
  {
    name: 'ofrep-clients',
    group: 'clients',
    reads: 'pass',
    about: 10,
    needs: ['worker'],
    run: ['node', 'ofrep-clients/run.mjs'],
  },
  { name: 'www', group: 'browser', reads: 'node', about: 60, needs: ['worker'], tests: 'www/test' },
];

const LIMIT_FACTOR = 10;
const LIMIT_AT_LEAST = 600;
const BEAT_MS = 20_000; // How long a run may be silent.
const TAIL_LINES = 200; // Of a failed suite's output; whoever reads CI's output has nothing else.

// ---- Running one -----------------------------------------------------------------------------------------------------

const environment = {
  ...process.env,
  ...toolEnvironment(),
  // What is read here is read without colours, and a stack trace is worth its line.
  NO_COLOR: '1',
  FORCE_COLOR: '0',
  CARGO_TERM_COLOR: 'never',
  RUST_BACKTRACE: process.env.RUST_BACKTRACE ?? '1',
};
const logs = join(TARGET, 'test-logs');
const took = (began) => `${((performance.now() - began) / 1000).toFixed(1)} s`;
const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

let current; // The process group that is at work, to be ended with this one.
const endCurrent = () => {
  try {
    if (current) process.kill(-current.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
};

/** Runs a command to its end or its limit, with its output in a file, and says meanwhile that it is still running. */
function run(name, [command, ...args], about) {
  const began = performance.now();
  const file = join(logs, `${name}.log`);
  const log = createWriteStream(file);
  const limit = Math.max(about * LIMIT_FACTOR, LIMIT_AT_LEAST);
  return new Promise((done) => {
    // A group of its own, so that stopping it stops what it has started.
    const child = spawn(command, args, { cwd: ROOT, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    current = child;
    let output = '';
    let last = '';
    const take = (chunk) => {
      output += chunk;
      log.write(chunk);
      last = chunk.trimEnd().split('\n').at(-1).trim() || last;
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);
    const beat = setInterval(() => console.log(`  …    ${name}: ${took(began)}: ${last.slice(0, 90)}`), BEAT_MS);
    const stop = setTimeout(() => {
      take(`\n${name} was stopped: it may take ${limit} s\n`);
      endCurrent();
    }, limit * 1000);
    const end = (ok) => {
      clearInterval(beat);
      clearTimeout(stop);
      current = undefined;
      log.end(() => done({ ok, output, file, time: took(began) }));
    };
    child.once('error', (error) => {
      take(`${command} could not be started: ${error.message}\n`);
      end(false);
    });
    // What a suite leaves running would hold ports and cores that the next one needs, and this pipe open.
    child.once('exit', endCurrent);
    child.once('close', (code) => end(code === 0));
  });
}

function showTail({ output, file }) {
  const lines = output.trimEnd().split('\n');
  const shown = lines.slice(-TAIL_LINES);
  const cut = lines.length > shown.length ? `, the last ${shown.length} lines of ${lines.length}` : '';
  console.log(`---- ${relative(ROOT, file)}${cut}`);
  console.log(shown.join('\n'));
  console.log('----');
}

// Helpers import hooks or the context from node:test; a file of tests imports one of these.
const IMPORTS_TESTS =
  /\bimport\s+(?:\w+(?:\s*,\s*\{[^}]*\})?|\{[^}]*\b(?:test|it|describe|suite)\b[^}]*\})\s*from\s*['"]node:test['"]|\brequire\(['"]node:test['"]\)/;

/** Every file of tests below a folder, whatever it is called: one whose name fits no pattern would go unrun. */
function testFiles(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(path);
      if (!/\.[cm]?js$/.test(entry.name)) return [];
      return IMPORTS_TESTS.test(readFileSync(join(ROOT, path), 'utf8')) ? [path] : [];
    })
    .sort();
}

/** The command of a suite, or why there is none. */
function commandOf(suite) {
  if (suite.run) return { command: suite.run };
  if (!existsSync(join(ROOT, suite.tests))) return { problem: `there is no folder ${suite.tests}` };
  const files = testFiles(suite.tests);
  if (files.length === 0) return { problem: `no file in ${suite.tests} has tests of node:test in it` };
  return { command: ['node', '--test', '--test-reporter=spec', ...files], files };
}

// ---- Running them all ------------------------------------------------------------------------------------------------

const built = new Map();

/** Whether a build is there, building it and what it stands on the first time it is asked for. */
async function build(name) {
  if (built.has(name)) return built.get(name);
  const { run: command, after = [], about } = BUILDS[name];
  let ok = true;
  for (const other of after) ok = (await build(other)) && ok;
  if (ok) {
    console.log(`build  ${name}: ${command.join(' ')} (about ${about} s when warm)`);
    const result = await run(`build-${name}`, command, about);
    ok = result.ok;
    if (!ok) showTail(result);
    console.log(`${ok ? 'built' : 'FAIL '}  ${name}: ${result.time}`);
  }
  built.set(name, ok);
  return ok;
}

async function runSuite(suite) {
  const failed = (why) => {
    console.log(`FAIL   ${suite.name}: ${why}`);
    return { suite, passed: 0, failed: 1, skipped: 0, why, time: '' };
  };
  const { command, problem, files = [] } = commandOf(suite);
  if (problem) return failed(problem);
  for (const name of suite.needs ?? []) {
    if (!(await build(name))) return failed(`not run, because the build of ${name} failed`);
  }
  const shown = files.length ? `node --test, ${plural(files.length, 'file')} of ${suite.tests}` : command.join(' ');
  console.log(`run    ${suite.name}: ${shown} (about ${suite.about} s when warm)`);
  const result = await run(suite.name, command, suite.about);
  const verdict = judge(suite.reads, result.output, result.ok, files);
  if (verdict.why) showTail(result);
  console.log(`${verdict.why ? 'FAIL ' : 'ok   '}  ${suite.name}: ${describe(suite, verdict)}, ${result.time}`);
  return { suite, ...verdict, time: result.time };
}

function describe(suite, { passed, failed, skipped, why }) {
  if (why && passed === 0 && failed === 1 && why !== 'failed') return why;
  const parts = [suite.reads === 'check' ? plural(passed + failed, 'check') : plural(passed + failed, 'test')];
  if (failed) parts.push(`${failed} failed`);
  if (skipped) parts.push(`${skipped} skipped`);
  if (why && why !== 'failed') parts.push(why);
  return parts.join(', ');
}

function select(names) {
  if (names.length === 0) return SUITES;
  const known = new Set(SUITES.flatMap(({ name, group }) => [name, group]));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length) {
    console.error(`unknown: ${unknown.join(', ')}; there are ${[...known].join(', ')}`);
    process.exit(2);
  }
  return SUITES.filter(({ name, group }) => names.includes(name) || names.includes(group));
}

async function main(args) {
  if (args.includes('--list')) {
    for (const { name, group } of SUITES) console.log(`${name.padEnd(18)} ${group}`);
    return;
  }
  const began = performance.now();
  const suites = select(args);
  mkdirSync(logs, { recursive: true });
  const results = [];
  for (const suite of suites) results.push(await runSuite(suite));

  console.log(`\n${'suite'.padEnd(18)}${'time'.padStart(9)}  result`);
  for (const result of results) {
    console.log(`${result.suite.name.padEnd(18)}${result.time.padStart(9)}  ${result.why ? 'FAIL: ' : ''}${describe(result.suite, result)}`);
  }
  const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
  const red = results.filter(({ why }) => why).length;
  const skipped = total('skipped') ? `, ${total('skipped')} skipped` : '';
  console.log(`\n${plural(results.length, 'suite')}, ${red} failed, in ${took(began)}; logs in ${relative(process.cwd(), logs)}`);
  console.log(`${total('passed')} passed, ${total('failed')} failed${skipped}`);
  process.exitCode = red ? 1 : 0;
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.once(signal, () => {
    endCurrent();
    process.exit(status);
  });
}

await main(process.argv.slice(2));
