// Builds the Worker into build/: index.js, and the module index_bg.wasm that it imports.
// The environment brings WASM_BINDGEN_BIN (of the version that Cargo.toml pins) and WASM_OPT_BIN: `tools/env.sh` sets them.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const out = join(here, 'build');
const stamp = join(out, '.built-from');

// A target folder of its own: the flags below would otherwise build everything anew, back and forth with other builds.
const target = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'worker');
const compiled = join(target, 'wasm32-unknown-unknown', 'release', 'burgee_worker.wasm');
const generated = join(target, 'generated');
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');

// What wasm-bindgen puts into a module, and so must be named to wasm-opt; what rustc does, the module itself names.
const ENCODINGS = ['exception-handling'];

const env = {
  ...process.env,
  // The paths of this machine have no place in what is deployed: panic messages would show them.
  CARGO_ENCODED_RUSTFLAGS: [
    ...(process.env.CARGO_ENCODED_RUSTFLAGS?.split('\x1f') ?? []),
    `--remap-path-prefix=${cargoHome}=cargo`,
    `--remap-path-prefix=${root}=burgee`,
  ].join('\x1f'),
};

const source = (name) => join(here, 'src', name);

/** What the output is made of: cargo knows of the module; the rest is read here. */
function ingredients() {
  const hash = createHash('sha256').update(process.env.WASM_BINDGEN_BIN ?? '');
  for (const file of [compiled, source('bridge.js'), source('entry.js'), source('meter.js'), source('tokens.js'), fileURLToPath(import.meta.url)]) hash.update(readFileSync(file));
  return hash.digest('hex');
}

const run = (command, args) => execFileSync(command, args, { cwd: here, env, stdio: ['ignore', 'inherit', 'inherit'] });

/** The module, and the generated code around it: it starts a new instance with the call that follows a trap. */
function bind() {
  const options = ['--target', 'module', '--experimental-reset-state-function', '--force-enable-abort-handler', '--no-typescript'];
  run(process.env.WASM_BINDGEN_BIN ?? 'wasm-bindgen', [compiled, ...options, '--out-dir', generated, '--out-name', 'index']);
  const encodings = ENCODINGS.map((feature) => `--enable-${feature}`);
  // Functions stay apart where the sources keep them apart (see contract/src/respond.rs). Their names stay, for stack traces.
  const optimization = ['-O3', '--one-caller-inline-max-function-size=50', '--debuginfo', '--strip-producers', ...encodings];
  run(process.env.WASM_OPT_BIN ?? 'wasm-opt', [join(generated, 'index_bg.wasm'), '-o', join(generated, 'optimized.wasm'), ...optimization]);
}

/** One file of all the JavaScript. workerd gives a module by `import`; `import source` is how others ask for the same. */
async function bundle() {
  const glue = join(generated, 'index.js');
  writeFileSync(glue, readFileSync(glue, 'utf8').replace('import source ', 'import '));
  await esbuild.build({
    entryPoints: [source('entry.js')],
    outfile: join(generated, 'bundle.js'),
    alias: { 'burgee:evaluator': glue, 'burgee:bridge': source('bridge.js'), 'burgee:meter': source('meter.js'), 'burgee:tokens': source('tokens.js') },
    external: ['./index_bg.wasm', 'cloudflare:*'],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    logLevel: 'warning',
  });
}

const profile = ['--release', '--locked', '--target-dir', target];
run('cargo', ['build', '--quiet', '--lib', '--target', 'wasm32-unknown-unknown', ...profile]);
const from = ingredients();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== from) {
  bind();
  await bundle();
  mkdirSync(out, { recursive: true });
  renameSync(join(generated, 'optimized.wasm'), join(out, 'index_bg.wasm'));
  renameSync(join(generated, 'bundle.js'), join(out, 'index.js'));
  writeFileSync(stamp, from);
}

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
for (const name of ['index.js', 'index_bg.wasm']) {
  const file = join(out, name);
  console.log(`${relative(root, file)}  ${kB(statSync(file).size)}, gzip ${kB(gzipSync(readFileSync(file)).length)}`);
}
