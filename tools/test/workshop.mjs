// A stand-in for the repository and its machine: the programs in tools/ run for real, on toolchains that only pretend.
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOOLS = resolve(fileURLToPath(import.meta.url), '..', '..');

const CARGO = `#!/bin/sh
echo "cargo $*" >> "$WORKSHOP/calls"
if [ -e "$WORKSHOP/cargo-fails" ]; then
  i=0; while [ $i -lt 40 ]; do i=$((i + 1)); echo "line $i"; done
  echo 'error: linker cc not found' >&2
  exit 101
fi
sleep 0.3
mkdir -p "$CARGO_TARGET_DIR/debug"
for name in wasm-bindgen wasm-bindgen-test-runner worker-build ofrep-client-rust; do echo tool > "$CARGO_TARGET_DIR/debug/$name"; done
`;
const PYTHON = `#!/bin/sh
echo "python3 $*" >> "$WORKSHOP/calls"
case "$1" in
  -c) case "$2" in
      *cache_tag*) cat "$WORKSHOP/python-tag" ;;
      *) [ ! -e "$WORKSHOP/python-is-old" ] ;;
    esac ;;
  *) for last in "$@"; do :; done; echo package > "$last/openfeature" ;;
esac
`;
// Nothing may be installed on the real machine.
const APT = '#!/bin/sh\necho "apt-get $*" >> "$WORKSHOP/calls"\nexit 100\n';
const RUSTC = '#!/bin/sh\necho "$WORKSHOP/sysroot"\n';
const NPM = `#!/bin/sh
echo "npm $*" >> "$WORKSHOP/calls"
case "$1" in
  ci) rm -rf node_modules && mkdir node_modules ;;
  install) mkdir -p "$3/node_modules/${'${NODE_PACKAGE}'}/bin" && cp -P "$WORKSHOP/bin/node" "$3/node_modules/${'${NODE_PACKAGE}'}/bin/node" ;;
esac
`;

export function workshop(t) {
  const home = mkdtempSync(join(tmpdir(), 'burgee-workshop-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const root = join(home, 'repository');
  const write = (path, text, mode = 0o644) => {
    const file = join(home, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  };
  mkdirSync(root);
  for (const name of ['env.mjs', 'env.sh', 'lock.mjs', 'python.mjs', 'setup.mjs', 'test.mjs', 'counts.mjs']) {
    cpSync(join(TOOLS, name), join(root, 'tools', name));
  }
  write('repository/Cargo.toml', '[workspace.dependencies]\nwasm-bindgen = { version = "=1.2.3" }\nworker = "=4.5.6"\n');
  write('repository/tools/rust-tools/Cargo.toml', 'wasm-bindgen-cli = "=1.2.3"\nworker-build = "=4.5.6"\n');
  write('repository/package-lock.json', '{}');
  for (const file of ['rust/Cargo.toml', 'rust/Cargo.lock', 'rust/src/main.rs', 'python/requirements.txt']) {
    write(`repository/ofrep-clients/${file}`, file);
  }
  write('repository/worker/test/schemathesis/requirements.txt', 'schemathesis');
  write('python-tag', 'cpython-311 linux-x86_64\n');
  write('bin/cargo', CARGO, 0o755);
  write('bin/rustc', RUSTC, 0o755);
  write('bin/npm', NPM, 0o755);
  write('bin/python3', PYTHON, 0o755);
  write('bin/apt-get', APT, 0o755);
  write('sysroot/lib/rustlib/wasm32-unknown-unknown/lib/x', '');
  write('sysroot/bin/cargo-fmt', '');
  write('sysroot/bin/cargo-clippy', '');
  write('calls', '');
  symlinkSync(process.execPath, join(home, 'bin', 'node'));
  const platform = `${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${process.platform}-${process.arch}`;

  /** Runs one of the tools and answers what it printed and how it ended. */
  const run = (command, args, extra = {}) =>
    new Promise((done, fail) => {
      const child = spawn(command, args, {
        cwd: root,
        env: {
          PATH: `${join(home, 'bin')}:/usr/bin:/bin`,
          HOME: home,
          BURGEE_CACHE: join(home, 'cache'),
          WORKSHOP: home,
          NODE_PACKAGE: platform,
          ...extra,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
      child.once('error', fail);
      child.once('close', (status) => done({ status, output }));
    });
  return {
    home,
    root,
    write,
    run,
    setup: (...args) => run('node', ['tools/setup.mjs', ...args]),
    calls: (program) =>
      readFileSync(join(home, 'calls'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(`${program} `)),
  };
}
