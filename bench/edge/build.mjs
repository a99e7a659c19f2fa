// Builds the hello-world in workers-rs as workers-rs means it: by worker-build, of the version that burgee uses.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SetupError, pinIn } from '../../tools/env.mjs';

const HELLO = join(ROOT, 'bench', 'edge', 'hello');

export function buildHello(target) {
  const manifest = join(HELLO, 'Cargo.toml');
  const [wanted, pinned] = [join(ROOT, 'Cargo.toml'), manifest].map((file) => pinIn(file, 'worker'));
  if (pinned !== wanted) throw new SetupError(`${manifest} pins worker ${pinned}, where burgee is built with ${wanted}`);
  const run = (command, args) =>
    execFileSync(command, args, {
      cwd: HELLO,
      // As worker-build sets it, so that its own call of cargo finds everything done.
      env: { ...process.env, WASM_BINDGEN_USE_JS_SYS: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  const profile = ['--release', '--locked', '--target-dir', target];
  run('cargo', ['build', '--quiet', '--lib', '--target', 'wasm32-unknown-unknown', ...profile]);
  const module = readFileSync(join(target, 'wasm32-unknown-unknown', 'release', 'hello.wasm'));
  const from = createHash('sha256').update(process.env.WASM_BINDGEN_BIN ?? '').update(module).update(readFileSync(manifest)).digest('hex');
  const stamp = join(HELLO, 'build', '.built-from');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === from) return;
  run('worker-build', profile);
  writeFileSync(stamp, from);
}
