// Builds the Worker into build/: index.js, and the module index_bg.wasm that it imports.
// The environment brings worker-build and its helpers: `tools/env.sh` sets PATH, WASM_BINDGEN_BIN, WASM_OPT_BIN and ESBUILD_BIN.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const out = join(here, 'build');
const stamp = join(out, '.built-from');

// A target folder of its own: the flags below would otherwise build everything anew, back and forth with other builds.
const target = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'worker');
const compiled = join(target, 'wasm32-unknown-unknown', 'release', 'burgee_worker.wasm');
const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');

const env = {
  ...process.env,
  // The paths of this machine have no place in what is deployed: panic messages would show them.
  CARGO_ENCODED_RUSTFLAGS: [
    ...(process.env.CARGO_ENCODED_RUSTFLAGS?.split('\x1f') ?? []),
    `--remap-path-prefix=${cargoHome}=cargo`,
    `--remap-path-prefix=${root}=burgee`,
  ].join('\x1f'),
  // As worker-build sets it, so that its own call of cargo finds everything done.
  WASM_BINDGEN_USE_JS_SYS: '1',
};

/** What the output is made of: cargo knows of the module; the rest is read by wasm-bindgen and worker-build. */
function ingredients() {
  const hash = createHash('sha256').update(process.env.WASM_BINDGEN_BIN ?? '');
  for (const file of [compiled, join(here, 'src/bridge.js'), join(here, 'Cargo.toml'), fileURLToPath(import.meta.url)]) {
    hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

const run = (command, args) => execFileSync(command, args, { cwd: here, env, stdio: ['ignore', 'inherit', 'inherit'] });

const profile = ['--release', '--locked', '--target-dir', target];
run('cargo', ['build', '--quiet', '--lib', '--target', 'wasm32-unknown-unknown', ...profile]);
const from = ingredients();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== from) {
  run('worker-build', ['--release', '--locked', '--target-dir', target]);
  writeFileSync(stamp, from);
}

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
for (const name of ['index.js', 'index_bg.wasm']) {
  const file = join(out, name);
  console.log(`${relative(root, file)}  ${kB(statSync(file).size)}, gzip ${kB(gzipSync(readFileSync(file)).length)}`);
}
