// Builds the Workers: the edge into build/, and the tenants' objects into ../objects/build/. Each is index.js, and the module index_bg.wasm that it
// imports.
// The environment brings WASM_BINDGEN_BIN (of the version that Cargo.toml pins) and WASM_OPT_BIN: `tools/env.sh` sets them.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);

// A target folder of its own: the flags below would otherwise build everything anew, back and forth with other builds.
const target = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'worker');
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');

/** A Worker is a crate in a folder of its own. */
const worker = (folder, crate) => ({
  crate,
  sources: join(root, folder, 'src'),
  out: join(root, folder, 'build'),
  compiled: join(target, 'wasm32-unknown-unknown', 'release', `${crate.replace('-', '_')}.wasm`),
  generated: join(target, 'generated', folder),
});
const EDGE = worker('worker', 'burgee-worker');
const WORKERS = [EDGE, worker('objects', 'burgee-objects')];

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

/** What the output is made of: cargo knows of the module; the rest is read here. The objects' scripts import some of the edge's. */
function ingredients({ compiled, sources }) {
  const hash = createHash('sha256').update(process.env.WASM_BINDGEN_BIN ?? '');
  const scripts = (folder) => readdirSync(folder).filter((name) => name.endsWith('.js')).sort().map((name) => join(folder, name));
  const files = new Set([compiled, ...scripts(EDGE.sources), ...scripts(sources), fileURLToPath(import.meta.url)]);
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest('hex');
}

const run = (command, args) => execFileSync(command, args, { cwd: here, env, stdio: ['ignore', 'inherit', 'inherit'] });

/** The module, and the generated code around it: it starts a new instance with the call that follows a trap. */
function bind({ compiled, generated }) {
  const options = ['--target', 'module', '--experimental-reset-state-function', '--force-enable-abort-handler', '--no-typescript'];
  run(process.env.WASM_BINDGEN_BIN ?? 'wasm-bindgen', [compiled, ...options, '--out-dir', generated, '--out-name', 'index']);
  const encodings = ENCODINGS.map((feature) => `--enable-${feature}`);
  // Functions stay apart where the sources keep them apart (see contract/src/respond.rs). Their names stay, for stack traces.
  const optimization = ['-O3', '--one-caller-inline-max-function-size=50', '--debuginfo', '--strip-producers', ...encodings];
  run(process.env.WASM_OPT_BIN ?? 'wasm-opt', [join(generated, 'index_bg.wasm'), '-o', join(generated, 'optimized.wasm'), ...optimization]);
}

/** One file of all the JavaScript. workerd gives a module by `import`; `import source` is how others ask for the same. */
async function bundle({ sources, generated }) {
  const glue = join(generated, 'index.js');
  writeFileSync(glue, readFileSync(glue, 'utf8').replace('import source ', 'import '));
  // What the module imports by a name, whatever file it is in.
  const named = Object.entries({ bridge: EDGE, tokens: EDGE, policy: EDGE, meter: EDGE, handing: WORKERS[1] });
  const alias = Object.fromEntries(named.map(([name, { sources }]) => [`burgee:${name}`, join(sources, `${name}.js`)]));
  await esbuild.build({
    entryPoints: [join(sources, 'entry.js')],
    outfile: join(generated, 'bundle.js'),
    alias: { ...alias, 'burgee:evaluator': glue },
    external: ['./index_bg.wasm', 'cloudflare:*'],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    logLevel: 'warning',
  });
}

const profile = ['--release', '--locked', '--target-dir', target];
const crates = WORKERS.flatMap(({ crate }) => ['--package', crate]);
run('cargo', ['build', '--quiet', '--lib', ...crates, '--target', 'wasm32-unknown-unknown', ...profile]);

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
for (const worker of WORKERS) {
  const { out, generated } = worker;
  const stamp = join(out, '.built-from');
  const from = ingredients(worker);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== from) {
    bind(worker);
    await bundle(worker);
    mkdirSync(out, { recursive: true });
    renameSync(join(generated, 'optimized.wasm'), join(out, 'index_bg.wasm'));
    renameSync(join(generated, 'bundle.js'), join(out, 'index.js'));
    writeFileSync(stamp, from);
  }
  for (const name of ['index.js', 'index_bg.wasm']) {
    const file = join(out, name);
    console.log(`${relative(root, file)}  ${kB(statSync(file).size)}, gzip ${kB(gzipSync(readFileSync(file)).length)}`);
  }
}
