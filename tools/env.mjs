// Where the tools of this repository are, and the environment that finds them.
//
// Everything that is brought for the user lives in one cache, a folder per version, so that two checkouts with
// different pins do not get in each other's way. Nothing is brought here: that is setup.mjs.
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(fileURLToPath(import.meta.url), '..', '..');
export const CACHE =
  process.env.BURGEE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'burgee');

// wrangler and Miniflare refuse to start on anything older; where the system's Node is, this version is brought.
export const NODE_NEEDED = 22;
export const NODE_VERSION = '22.23.3';

export const systemNodeServes = Number(process.versions.node.split('.')[0]) >= NODE_NEEDED;

// The npm package that carries the program itself; the package `node` is only an install script that fetches this one.
const nodePackage = `${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${process.platform}-${process.arch}`;
export const node = {
  package: nodePackage,
  home: join(CACHE, `node-${NODE_VERSION}`),
  bin: join(CACHE, `node-${NODE_VERSION}`, 'node_modules', nodePackage, 'bin'),
};

/** Something that the user can mend: the message says how, and needs no stack trace. */
export class SetupError extends Error {}

/** The exact version that a Cargo.toml pins a dependency to: `name = "=1.2.3"` or `name = { version = "=1.2.3", … }`. */
export function pinIn(manifest, name) {
  const pin = new RegExp(`^${name} *= *(?:\\{[^}\\n]*\\bversion *= *)?"=(\\d+\\.\\d+\\.\\d+)"`, 'm');
  const found = pin.exec(readFileSync(manifest, 'utf8'));
  if (!found) throw new SetupError(`${manifest} must pin ${name} to one version: ${name} = "=1.2.3"`);
  return found[1];
}

/** The programs compiled from source, by name. A module and the tool that binds it must be of one version. */
export function rustTools() {
  const manifest = join(ROOT, 'Cargo.toml');
  const wasmBindgen = pinIn(manifest, 'wasm-bindgen');
  const workerBuild = pinIn(manifest, 'worker');
  const tool = (crate, version, name) => ({
    name,
    crate,
    version,
    path: join(CACHE, `${crate}-${version}`, 'bin', name),
  });
  return {
    'wasm-bindgen': tool('wasm-bindgen-cli', wasmBindgen, 'wasm-bindgen'),
    'wasm-bindgen-test-runner': tool('wasm-bindgen-cli', wasmBindgen, 'wasm-bindgen-test-runner'),
    'worker-build': tool('worker-build', workerBuild, 'worker-build'),
  };
}

/** The program that builds what searches for breaking inputs (fuzz/), by a lock file of its own. */
export const cargoFuzz = { version: '0.13.2', home: join(CACHE, 'cargo-fuzz-0.13.2'), path: join(CACHE, 'cargo-fuzz-0.13.2', 'bin', 'cargo-fuzz') };

/**
 * Where the stock OFREP clients are that npm does not bring: the Python packages, and the Rust program that uses the crate. Each
 * folder is named after what it is made of, so that it is there whole and current or not at all.
 */
export function ofrepClients() {
  const folder = (language, files) => {
    const hash = createHash('sha256');
    for (const file of files) hash.update(readFileSync(join(ROOT, 'ofrep-clients', language, file)));
    return join(CACHE, `ofrep-client-${language}-${hash.digest('hex').slice(0, 16)}`);
  };
  return {
    python: folder('python', ['requirements.txt']),
    rust: folder('rust', ['Cargo.toml', 'Cargo.lock', 'src/main.rs']),
  };
}

/** Where Prometheus's own parser for Python is, which the tests read /metrics with; named after what it is made of. */
export function metricsParser() {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'worker', 'test', 'prometheus', 'requirements.txt')));
  return join(CACHE, `metrics-parser-${hash.digest('hex').slice(0, 16)}`);
}

/** Where Schemathesis is, which asks the Worker all that /openapi.json promises; named after what it is made of. */
export function schemathesis() {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'worker', 'test', 'schemathesis', 'requirements.txt')));
  return join(CACHE, `schemathesis-${hash.digest('hex').slice(0, 16)}`);
}

/** The full path of a program, looked for as a shell does. */
export function which(name, path = process.env.PATH ?? '') {
  const candidates = name.includes('/') ? [name] : path.split(delimiter).map((folder) => join(folder || '.', name));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

const BROWSERS = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The browser that tests drive: CHROMIUM_BIN, else the first that is installed. */
export function findBrowser() {
  const named = process.env.CHROMIUM_BIN;
  if (named) return which(named);
  for (const name of BROWSERS) {
    const found = which(name);
    if (found) return found;
  }
  return undefined;
}

/** What to set on top of the environment so that every script finds the pinned tools first. */
export function toolEnvironment() {
  const tools = rustTools();
  const npmBin = join(ROOT, 'node_modules', '.bin');
  const folders = [
    ...(systemNodeServes ? [] : [node.bin]),
    ...new Set(Object.values(tools).map((tool) => join(tool.path, '..'))),
    npmBin,
  ];
  // Sourcing this twice, or make inside make, must not make PATH longer each time.
  const rest = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folders.includes(folder));
  const browser = findBrowser();
  return {
    PATH: [...folders, ...rest].join(delimiter),
    BURGEE_CACHE: CACHE,
    // The three that worker-build would otherwise download.
    WASM_BINDGEN_BIN: tools['wasm-bindgen'].path,
    WASM_OPT_BIN: join(npmBin, 'wasm-opt'),
    ESBUILD_BIN: join(npmBin, 'esbuild'),
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: tools['wasm-bindgen-test-runner'].path,
    ...(browser ? { CHROMIUM_BIN: browser } : {}),
    // Nothing that runs here reports to anybody.
    WRANGLER_SEND_METRICS: 'false',
  };
}

/** The same as lines that a POSIX shell reads. */
export function asShell(environment) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  return Object.entries(environment)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');
}
