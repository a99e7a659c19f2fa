import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { workshop } from './workshop.mjs';

const COMPILED = [
  'wasm-bindgen-cli-1.2.3/bin/wasm-bindgen',
  'wasm-bindgen-cli-1.2.3/bin/wasm-bindgen-test-runner',
  'worker-build-4.5.6/bin/worker-build',
];

test('brings what is missing once, and the next run finds it', async (t) => {
  const shop = workshop(t);
  const first = await shop.setup('worker');
  assert.equal(first.status, 0, first.output);
  for (const path of COMPILED) assert.ok(existsSync(join(shop.home, 'cache', path)), path);
  assert.ok(!existsSync(join(shop.home, 'cache', 'building', 'rust-tools')), 'what is left of the compile is removed');
  assert.match(first.output, /rust-tools: bringing wasm-bindgen 1\.2\.3, .*worker-build 4\.5\.6 \(about/);
  assert.match(first.output, /worker: ready after/);

  const second = await shop.setup('worker');
  assert.equal(second.status, 0, second.output);
  assert.match(second.output, /^setup {2}worker: everything is in place \(\d\.\d s\)\n$/);
  assert.equal(shop.calls('cargo').length, 1);
  assert.equal(shop.calls('npm').filter((call) => call.startsWith('npm ci')).length, 1);
});

test('one step serves two groups: nothing is compiled for the smaller one', async (t) => {
  const shop = workshop(t);
  assert.equal((await shop.setup('npm', 'worker')).status, 0);
  assert.equal(shop.calls('cargo').length, 1);
});

test('only what a group needs is brought', async (t) => {
  const shop = workshop(t);
  assert.equal((await shop.setup('npm')).status, 0);
  assert.ok(!existsSync(join(shop.home, 'cache', COMPILED[2])));
  assert.doesNotMatch(shop.calls('cargo')[0], /worker-build/);
  assert.equal((await shop.setup('worker')).status, 0);
  assert.doesNotMatch(shop.calls('cargo')[1], /wasm-bindgen/, 'what is there is not compiled again');
});

test('a new lock file brings the packages again', async (t) => {
  const shop = workshop(t);
  await shop.setup('npm');
  shop.write('repository/package-lock.json', '{"changed": true}');
  const { output } = await shop.setup('npm');
  assert.match(output, /packages: bringing/);
  assert.doesNotMatch(output, /rust-tools: bringing/);
});

test('a step that fails shows the end of its log and where the rest is; the others still finish', async (t) => {
  const shop = workshop(t);
  shop.write('cargo-fails', '');
  const { status, output } = await shop.setup('npm');
  assert.equal(status, 1);
  assert.match(output, /rust-tools: FAILED: cargo build ended with status 101/);
  assert.match(output, /\| error: linker cc not found/);
  assert.doesNotMatch(output, /\| line 1\n/, 'the beginning of a long log is left out');
  assert.match(output, /all of it is in .*logs\/rust-tools\.log/);
  assert.match(output, /packages: done/);
  assert.match(output, /steps? failed/);

  rmSync(join(shop.home, 'cargo-fails'));
  assert.equal((await shop.setup('npm')).status, 0, 'the lock was given back');
  assert.equal(shop.calls('npm').filter((call) => call.startsWith('npm ci')).length, 1, 'what worked is not done again');
});

test('two setups at once: one works, the other waits and finds all in place', async (t) => {
  const shop = workshop(t);
  const both = await Promise.all([shop.setup('worker'), shop.setup('worker')]);
  for (const { status, output } of both) assert.equal(status, 0, output);
  assert.equal(shop.calls('cargo').length, 1);
  assert.equal(both.filter(({ output }) => output.includes('at work: waiting for it')).length, 1);
});

test('a lock whose holder is gone does not hold anybody up', async (t) => {
  const shop = workshop(t);
  shop.write('cache/lock', `4194305@${(await import('node:os')).hostname()}`);
  assert.equal((await shop.setup('worker')).status, 0);

  const elsewhere = workshop(t);
  const lock = elsewhere.write('cache/lock', '1@another-machine');
  const past = new Date(Date.now() - 10 * 60_000);
  utimesSync(lock, past, past);
  assert.equal((await elsewhere.setup('worker')).status, 0);
});

test('without Rust it says what to install', async (t) => {
  const shop = workshop(t);
  rmSync(join(shop.home, 'bin', 'cargo'));
  const { status, output } = await shop.setup('core');
  assert.equal(status, 1);
  assert.match(output, /no cargo in PATH: install Rust with rustup/);
});

test('without rustup a missing target is named, not guessed at', async (t) => {
  const shop = workshop(t);
  rmSync(join(shop.home, 'sysroot', 'lib'), { recursive: true });
  const { status, output } = await shop.setup('core');
  assert.equal(status, 1);
  assert.match(output, /lacks wasm32-unknown-unknown, and there is no rustup/);
});

test('pins that differ are refused, and so is a dependency without a pin', async (t) => {
  const shop = workshop(t);
  shop.write('repository/tools/rust-tools/Cargo.toml', 'wasm-bindgen-cli = "=1.2.4"\nworker-build = "=4.5.6"\n');
  const { status, output } = await shop.setup('npm');
  assert.equal(status, 1);
  assert.match(output, /asks for wasm-bindgen-cli 1\.2\.3 and tools\/rust-tools for 1\.2\.4: run node tools\/setup\.mjs pins/);

  shop.write('repository/Cargo.toml', 'wasm-bindgen = "1.2"\nworker = "=4.5.6"\n');
  assert.match((await shop.setup('npm')).output, /must pin wasm-bindgen to one version/);
});

test('a browser is taken from CHROMIUM_BIN, and a wrong one is told', async (t) => {
  const shop = workshop(t);
  const browser = shop.write("it's a browser/chrome", '#!/bin/sh\n', 0o755);
  const good = await shop.run('node', ['tools/setup.mjs', 'browser'], { CHROMIUM_BIN: browser });
  assert.equal(good.status, 0, good.output);
  const bad = await shop.run('node', ['tools/setup.mjs', 'browser'], { CHROMIUM_BIN: `${browser}-gone` });
  assert.equal(bad.status, 1);
  assert.match(bad.output, /CHROMIUM_BIN names .*-gone, which is no program/);

  const shell = 'set -eu; . ./tools/env.sh; . ./tools/env.sh; printf "%s\\n" "$CHROMIUM_BIN" "$WASM_OPT_BIN" "$PATH"';
  const sourced = await shop.run('sh', ['-c', shell], { CHROMIUM_BIN: browser });
  assert.equal(sourced.status, 0, sourced.output);
  const [chromium, wasmOpt, path] = sourced.output.trim().split('\n');
  assert.equal(chromium, browser, 'a quote in a path survives the shell');
  assert.equal(wasmOpt, join(shop.root, 'node_modules', '.bin', 'wasm-opt'));
  const folders = path.split(':');
  assert.equal(new Set(folders).size, folders.length, 'sourcing twice does not make PATH longer');
});

test('an environment that cannot be told stops the shell that asked for it', async (t) => {
  const shop = workshop(t);
  shop.write('repository/Cargo.toml', '');
  const { status, output } = await shop.run('sh', ['-c', '. ./tools/env.sh && echo went on']);
  assert.notEqual(status, 0);
  assert.doesNotMatch(output, /went on/);
});

test('the stock OFREP clients are brought once, and anew when what they are made of changes', async (t) => {
  const shop = workshop(t);
  const builds = () => shop.calls('cargo').filter((call) => !call.includes('--package')).length;
  const installs = () => shop.calls('python3').filter((call) => call.includes('pip install')).length;
  const first = await shop.setup('clients');
  assert.equal(first.status, 0, first.output);
  assert.match((await shop.setup('clients')).output, /everything is in place/);
  assert.deepEqual([builds(), installs()], [1, 1]);
  assert.ok(!existsSync(join(shop.home, 'cache', 'building', 'ofrep-rust')), 'what is left of the compile is removed');

  shop.write('repository/ofrep-clients/rust/Cargo.lock', 'another');
  assert.equal((await shop.setup('clients')).status, 0);
  assert.deepEqual([builds(), installs()], [2, 1]);
  shop.write('repository/ofrep-clients/python/requirements.txt', 'another');
  assert.equal((await shop.setup('clients')).status, 0);
  assert.deepEqual([builds(), installs()], [2, 2]);
});

test('compiled Python packages are brought once, and anew for another Python', async (t) => {
  const shop = workshop(t);
  const installs = () => shop.calls('python3').filter((call) => call.includes('pip install')).length;
  const counts = [];
  for (const tag of ['cpython-311 linux-x86_64\n', 'cpython-311 linux-x86_64\n', 'cpython-313 linux-x86_64\n']) {
    shop.write('python-tag', tag);
    const { status, output } = await shop.setup('schemathesis');
    assert.equal(status, 0, output);
    counts.push(installs());
  }
  assert.deepEqual(counts, [1, 1, 2]);
});

test('without a Python that serves it says what to install', async (t) => {
  const shop = workshop(t);
  shop.write('python-is-old', '');
  const { status, output } = await shop.setup('clients');
  assert.equal(status, 1);
  assert.match(output, /ofrep-python: FAILED: .*install Python 3\.10 or newer with pip/);
});

test('the pins of tools/rust-tools are those of the workspace', () => {
  // Of the real repository: setup would refuse them too, but only where something is still to be compiled.
  const pin = (path, name) => new RegExp(`^${name} *=.*"=([\\d.]+)"`, 'm').exec(readFileSync(path, 'utf8'))?.[1];
  for (const [crate, tool] of Object.entries({ 'wasm-bindgen': 'wasm-bindgen-cli', worker: 'worker-build' })) {
    const wanted = pin(new URL('../../Cargo.toml', import.meta.url), crate);
    assert.ok(wanted);
    assert.equal(pin(new URL('../rust-tools/Cargo.toml', import.meta.url), tool), wanted);
  }
});
