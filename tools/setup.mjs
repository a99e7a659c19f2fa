#!/usr/bin/env node
// Brings what building, testing and running this repository needs, at pinned versions, from the ordinary package
// registries. Run it as often as you like: what is in place is left alone, and a run that finds everything takes a
// moment. It needs a Rust toolchain (rustup's), Node 20 or newer with npm, and nothing else; no dependencies of its own.
//
//   node tools/setup.mjs [core|npm|worker|clients|parser|schemathesis|browser|fuzz|all]...   bring what these need (all, when none is named)
//   node tools/setup.mjs env                                print the environment that finds it, for a shell
//   node tools/setup.mjs pins                               copy the versions pinned in Cargo.toml to tools/rust-tools
import { createHash } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  CACHE,
  NODE_NEEDED,
  NODE_VERSION,
  ROOT,
  SetupError,
  asShell,
  cargoFuzz,
  findBrowser,
  node,
  ofrepClients,
  pinIn,
  rustTools,
  systemNodeServes,
  toolEnvironment,
  which,
} from './env.mjs';
import { withLock } from './lock.mjs';
import { pythonSteps } from './python.mjs';

const WASM_TARGET = 'wasm32-unknown-unknown';
const NODE_REQUIRED = 20; // Of the system's: enough to run this file and npm.
const TAIL_LINES = 25; // Of a failed step's log: enough to hold one compiler error or npm's complaint.
const BEAT_MS = 15_000; // How long the setup may be silent.

const exec = promisify(execFile);
const say = (text) => console.log(`setup  ${text}`);
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

// ---- Running a step's commands ---------------------------------------------------------------------------------------

const logOf = (step) => join(CACHE, 'logs', `${step}.log`);

/** Runs a command with its output in the step's log; nothing is asked of anybody, so it has no standard input. */
function run(step, command, args, options = {}) {
  const log = openSync(logOf(step), 'a');
  writeSync(log, `$ ${[command, ...args].join(' ')}\n`);
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: ROOT, ...options, stdio: ['ignore', log, log] });
    const end = (problem) => {
      closeSync(log);
      if (problem) fail(new Error(`${command} ${args[0] ?? ''} ${problem}`));
      else done();
    };
    child.once('error', (error) => end(`could not be started: ${error.message}`));
    child.once('close', (code, signal) => end(code === 0 ? '' : `ended with ${signal ?? `status ${code}`}`));
  });
}

function logLines(step) {
  try {
    return readFileSync(logOf(step), 'utf8')
      .replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')
      .split(/[\r\n]+/)
      .filter((line) => line.trim() !== '');
  } catch {
    return [];
  }
}

// ---- The steps -------------------------------------------------------------------------------------------------------
//
// `missing` answers what is to be brought, as text, or nothing when all is in place; it is asked on every run, so it is
// quick. `bring` brings it. `about` is for a machine of two cores that has none of it.

const rust = {
  name: 'rust',
  about: '10 s to a minute',
  async missing() {
    if (!which('cargo') || !which('rustc')) {
      throw new SetupError('there is no cargo in PATH: install Rust with rustup and try again');
    }
    const { stdout } = await exec('rustc', ['--print', 'sysroot'], { cwd: ROOT });
    const sysroot = stdout.trim();
    this.target = !existsSync(join(sysroot, 'lib', 'rustlib', WASM_TARGET, 'lib'));
    // rustup has stand-ins in PATH for components that are not installed, so there the toolchain itself is asked.
    const has = (name) => existsSync(join(sysroot, 'bin', name)) || (!which('rustup') && which(name));
    this.components = Object.entries({ rustfmt: 'cargo-fmt', clippy: 'cargo-clippy' })
      .filter(([, program]) => !has(program))
      .map(([component]) => component);
    return [...(this.target ? [WASM_TARGET] : []), ...this.components].join(', ');
  },
  async bring() {
    if (!which('rustup')) {
      throw new SetupError(
        `the Rust toolchain lacks ${await this.missing()}, and there is no rustup to add it: install it the way this toolchain was installed, or use rustup's`,
      );
    }
    if (this.target) await run('rust', 'rustup', ['target', 'add', WASM_TARGET]);
    if (this.components.length) await run('rust', 'rustup', ['component', 'add', ...this.components]);
  },
};

/** For a build whose programs are then taken out of `target`. */
function cargoEnvironment(target) {
  const env = { ...process.env, CARGO_TARGET_DIR: target };
  // Meant for the user's own builds; here they would change where the programs end up, or whether they compile.
  for (const name of ['CARGO_BUILD_TARGET', 'CARGO_BUILD_TARGET_DIR', 'RUSTFLAGS', 'CARGO_ENCODED_RUSTFLAGS']) {
    delete env[name];
  }
  return env;
}

/** By a name of its own and then renamed, so that a program is there whole or not at all. */
function keepProgram(from, path) {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  copyFileSync(from, unfinished);
  renameSync(unfinished, path);
}

function missingRustTools(names) {
  return names.map((name) => rustTools()[name]).filter((tool) => !existsSync(tool.path));
}

function checkPins() {
  const manifest = join(ROOT, 'tools', 'rust-tools', 'Cargo.toml');
  for (const { crate, version } of Object.values(rustTools())) {
    const locked = pinIn(manifest, crate);
    if (locked !== version) {
      throw new SetupError(
        `Cargo.toml asks for ${crate} ${version} and tools/rust-tools for ${locked}: run node tools/setup.mjs pins`,
      );
    }
  }
}

/** One step however many programs are wanted: compiled together they share most of their dependencies. */
const rustToolsStep = (names) => ({
  name: 'rust-tools',
  about: 'a minute',
  async missing() {
    checkPins();
    return missingRustTools(names)
      .map((tool) => `${tool.name} ${tool.version}`)
      .join(', ');
  },
  async bring() {
    const tools = missingRustTools(names);
    const target = join(CACHE, 'building', 'rust-tools');
    const crates = [...new Set(tools.map((tool) => tool.crate))];
    await run(
      'rust-tools',
      'cargo',
      [
        'build',
        '--locked',
        ...crates.flatMap((crate) => ['--package', crate]),
        ...tools.flatMap((tool) => ['--bin', tool.name]),
      ],
      { cwd: join(ROOT, 'tools', 'rust-tools'), env: cargoEnvironment(target) },
    );
    for (const tool of tools) keepProgram(join(target, 'debug', tool.name), tool.path);
    // Half a gigabyte that nobody needs once the programs are copied.
    rmSync(target, { recursive: true, force: true });
  },
});

const nodeStep = {
  name: 'node',
  about: '10 s',
  async missing() {
    if (systemNodeServes || existsSync(join(node.bin, 'node'))) return '';
    return `Node ${NODE_VERSION} (this is ${process.versions.node}, and wrangler needs ${NODE_NEEDED})`;
  },
  async bring() {
    mkdirSync(CACHE, { recursive: true });
    const unfinished = mkdtempSync(join(CACHE, 'node-'));
    try {
      await run('node', 'npm', [
        'install',
        ...['--prefix', unfinished],
        ...['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'],
        `${node.package}@${NODE_VERSION}`,
      ]).catch((error) => {
        throw new Error(`${error.message}; or install Node ${NODE_NEEDED} or newer yourself`);
      });
      rmSync(node.home, { recursive: true, force: true });
      renameSync(unfinished, node.home);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  },
};

const packages = {
  name: 'packages',
  about: '15 s',
  stamp: join(ROOT, 'node_modules', '.burgee-stamp'),
  wanted() {
    const lock = readFileSync(join(ROOT, 'package-lock.json'));
    return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`;
  },
  async missing() {
    const have = existsSync(this.stamp) ? readFileSync(this.stamp, 'utf8') : '';
    return have === this.wanted() ? '' : 'the npm packages of package-lock.json';
  },
  async bring() {
    const wanted = this.wanted();
    // No package here needs its install script: what they run they ship, and newer versions of npm hold scripts back.
    await run('packages', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    writeFileSync(this.stamp, wanted);
  },
};

/** Installs packages of Debian where that is possible without asking anybody; where it is not, says `please`. */
async function debianPackages(step, names, problem, please) {
  if (!which('apt-get')) throw new SetupError(`${problem}: ${please}`);
  const root = process.getuid() === 0;
  if (!root) {
    await exec('sudo', ['-n', 'true']).catch(() => {
      throw new SetupError(`${problem}, and apt-get needs a password here: ${please}`);
    });
  }
  // Another apt-get may be at work: waiting for it beats failing.
  const apt = (...args) =>
    run(
      step,
      ...[root ? 'env' : 'sudo', [...(root ? [] : ['-n', 'env']), 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3', ...args]],
    );
  // A list that could not be refreshed may be of another repository altogether: the install is what counts.
  await apt('update').catch(() => {});
  await apt('install', '--yes', '--no-install-recommends', ...names).catch((error) => {
    throw new Error(`${error.message}; ${please}`);
  });
}

const ofrepRust = {
  name: 'ofrep-rust',
  about: 'one to two minutes',
  program: () => join(ofrepClients().rust, 'bin', 'ofrep-client-rust'),
  async missing() {
    return existsSync(this.program()) ? '' : 'the stock OFREP client for Rust';
  },
  async bring() {
    const target = join(CACHE, 'building', 'ofrep-rust');
    const options = { cwd: join(ROOT, 'ofrep-clients', 'rust'), env: cargoEnvironment(target) };
    await run('ofrep-rust', 'cargo', ['build', '--locked'], options);
    keepProgram(join(target, 'debug', 'ofrep-client-rust'), this.program());
    // As above: nobody needs what it was made from.
    rmSync(target, { recursive: true, force: true });
  },
};

const { ofrepPython, parser, tester } = pythonSteps({ run, debianPackages });

const browser = {
  name: 'browser',
  about: '20 to 60 s',
  async missing() {
    return findBrowser() ? '' : 'Chromium';
  },
  async bring() {
    const please = 'install Chromium or Google Chrome, or name one with CHROMIUM_BIN';
    if (process.env.CHROMIUM_BIN) {
      throw new SetupError(`CHROMIUM_BIN names ${process.env.CHROMIUM_BIN}, which is no program: ${please}`);
    }
    // A page without a single font is a page of empty boxes.
    await debianPackages('browser', ['chromium', 'fonts-liberation'], 'no browser was found', please);
    const found = findBrowser();
    if (!found) throw new Error(`apt-get installed chromium, and yet no browser was found; ${please}`);
    await run('browser', found, ['--version']);
  },
};

const nightly = {
  name: 'nightly',
  about: 'a minute',
  async missing() {
    const has = await exec('rustc', ['+nightly', '--version'], { cwd: ROOT }).then(() => true, () => false);
    return has ? '' : 'the nightly toolchain';
  },
  async bring() {
    if (!which('rustup')) {
      throw new SetupError('fuzzing needs nightly beside the toolchain that is here, and there is no rustup: install it (https://rustup.rs)');
    }
    await run('nightly', 'rustup', ['toolchain', 'install', 'nightly', '--profile', 'minimal', '--no-self-update']);
  },
};

const fuzzer = {
  name: 'cargo-fuzz',
  about: 'a minute',
  async missing() {
    return existsSync(cargoFuzz.path) ? '' : `cargo-fuzz ${cargoFuzz.version}`;
  },
  async bring() {
    const target = join(CACHE, 'building', 'cargo-fuzz');
    const args = ['install', 'cargo-fuzz', '--version', `=${cargoFuzz.version}`, '--locked', '--root', cargoFuzz.home];
    await run('cargo-fuzz', 'cargo', args, { env: cargoEnvironment(target) });
    rmSync(target, { recursive: true, force: true });
  },
};

const BINDGEN = ['wasm-bindgen', 'wasm-bindgen-test-runner'];
const compileAll = rustToolsStep([...BINDGEN, 'worker-build']);
const GROUPS = {
  core: [rust],
  npm: [rust, rustToolsStep(BINDGEN), nodeStep, packages],
  worker: [rust, compileAll, nodeStep, packages],
  clients: [rust, compileAll, nodeStep, packages, ofrepRust, ofrepPython],
  // What tests of the Worker need beside it.
  parser: [parser],
  schemathesis: [tester],
  browser: [nodeStep, packages, browser],
  // Not among all: no test needs nightly.
  fuzz: [rust, nightly, fuzzer],
  all: [rust, compileAll, nodeStep, packages, ofrepRust, ofrepPython, parser, tester, browser],
};

/** The steps of several groups, once each; the list that compiles more programs includes the one that compiles fewer. */
function stepsOf(names) {
  const steps = new Set(names.flatMap((name) => GROUPS[name]));
  if (steps.has(compileAll)) {
    for (const step of steps) if (step.name === 'rust-tools' && step !== compileAll) steps.delete(step);
  }
  return [...steps];
}

// ---- Doing it --------------------------------------------------------------------------------------------------------

async function whatIsMissing(steps) {
  const all = await Promise.all(steps.map(async (step) => ({ step, what: await step.missing() })));
  return all.filter(({ what }) => what);
}

function explain(step, error) {
  say(`${step.name}: FAILED: ${error.message}`);
  if (error instanceof SetupError) return;
  const lines = logLines(step.name);
  for (const line of lines.slice(-TAIL_LINES)) console.log(`       | ${line}`);
  if (lines.length > TAIL_LINES) say(`${step.name}: those are its last ${TAIL_LINES} lines of ${lines.length}`);
  say(`${step.name}: all of it is in ${logOf(step.name)}`);
}

/** Brings everything at once: the compiler is busy with the cores while the others wait for the network. */
async function bringAll(todo) {
  const began = performance.now();
  mkdirSync(join(CACHE, 'logs'), { recursive: true });
  const running = new Set();
  const beat = setInterval(() => {
    for (const step of running) {
      say(`${step.name}: still at it after ${seconds(began)}: ${(logLines(step.name).at(-1) ?? '').trim().slice(0, 90)}`);
    }
  }, BEAT_MS);
  let failed = 0;
  await Promise.all(
    todo.map(async ({ step, what }) => {
      say(`${step.name}: bringing ${what} (about ${step.about})`);
      rmSync(logOf(step.name), { force: true });
      running.add(step);
      try {
        await step.bring();
        const still = await step.missing();
        if (still) throw new Error(`it ended well, but ${still} is still missing`);
        say(`${step.name}: done after ${seconds(began)}`);
      } catch (error) {
        // The others go on: what they bring is in place for the next try, and apt-get must not be cut off halfway.
        failed += 1;
        explain(step, error);
        if (running.size > 1) say('waiting for the steps that are still at work');
      } finally {
        running.delete(step);
      }
    }),
  );
  clearInterval(beat);
  if (failed) throw new SetupError(`${failed} of ${todo.length} steps failed, see above`);
}

async function setup(groups) {
  const began = performance.now();
  const steps = stepsOf(groups);
  if ((await whatIsMissing(steps)).length === 0) {
    say(`${groups.join(', ')}: everything is in place (${seconds(began)})`);
    return;
  }
  const waiting = (holder) => say(`another setup (${holder}) is at work: waiting for it`);
  await withLock(join(CACHE, 'lock'), waiting, async () => {
    // Asked again: whoever held the lock may have brought it.
    const todo = await whatIsMissing(steps);
    if (todo.length) await bringAll(todo);
  });
  say(`${groups.join(', ')}: ready after ${seconds(began)}; the next run takes a moment`);
}

async function copyPins() {
  const folder = join(ROOT, 'tools', 'rust-tools');
  const manifest = join(folder, 'Cargo.toml');
  let text = readFileSync(manifest, 'utf8');
  for (const { crate, version } of Object.values(rustTools())) {
    text = text.replace(new RegExp(`^(${crate} *= *"=)[^"]*`, 'm'), `$1${version}`);
  }
  writeFileSync(manifest, text);
  await exec('cargo', ['metadata', '--format-version', '1'], { cwd: folder, maxBuffer: 1 << 28 });
  say('tools/rust-tools/Cargo.toml and its Cargo.lock have the versions of Cargo.toml');
}

async function main(args) {
  if (Number(process.versions.node.split('.')[0]) < NODE_REQUIRED) {
    throw new SetupError(`this is Node ${process.versions.node}: install Node ${NODE_REQUIRED} or newer`);
  }
  if (args[0] === 'env') return void process.stdout.write(asShell(toolEnvironment()));
  if (args[0] === 'pins') return copyPins();
  const groups = args.length ? args : ['all'];
  const unknown = groups.filter((name) => !Object.hasOwn(GROUPS, name));
  if (unknown.length) {
    throw new SetupError(`unknown: ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}, env and pins`);
  }
  await setup(groups);
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  // Ending by `exit` gives the lock back.
  process.once(signal, () => process.exit(status));
}

main(process.argv.slice(2)).catch((error) => {
  // Standard output of `env` is read by a shell, so complaints go elsewhere.
  console.error(`setup  ${error instanceof SetupError ? error.message : error.stack}`);
  process.exitCode = 1;
});
