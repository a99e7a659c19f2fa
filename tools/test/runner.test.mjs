import assert from 'node:assert/strict';
import test from 'node:test';
import { workshop } from './workshop.mjs';

const lastLine = (output) => output.trimEnd().split('\n').at(-1);
const runner = (shop, ...args) => shop.run('node', ['tools/test.mjs', ...args]);

const PASSES = "import test from 'node:test';\ntest('adds', () => {});\n";
const FAILS = "import { test } from 'node:test';\ntest('breaks', () => { throw new Error('as it should'); });\n";

test('adds up what the suites ran, and ends with the line that programs read', async (t) => {
  const shop = workshop(t);
  shop.write('repository/parity/reference/a.mjs', PASSES);
  shop.write('repository/parity/verify.mjs', "console.log('19 pass · 0 fail · parity OK');\n");
  const { status, output } = await runner(shop, 'oracle', 'parity-reference');
  assert.equal(status, 0, output);
  assert.equal(lastLine(output), '20 passed, 0 failed');
});

test('a suite that fails does not stop the next, shows what it printed and makes the run fail', async (t) => {
  const shop = workshop(t);
  shop.write('repository/parity/reference/a.mjs', FAILS);
  shop.write('repository/parity/verify.mjs', "console.log('19 pass · 0 fail · parity OK');\n");
  const { status, output } = await runner(shop, 'oracle', 'parity-reference');
  assert.equal(status, 1);
  assert.match(output, /as it should/);
  assert.equal(lastLine(output), '19 passed, 1 failed');
});

test('a folder that is not there, or has no tests in it, is a failure', async (t) => {
  const shop = workshop(t);
  const gone = await runner(shop, 'oracle');
  assert.equal(gone.status, 1);
  assert.match(gone.output, /there is no folder parity\/reference/);
  assert.equal(lastLine(gone.output), '0 passed, 1 failed');

  shop.write('repository/parity/reference/helper.mjs', "import { before } from 'node:test';\nexport { before };\n");
  assert.match((await runner(shop, 'oracle')).output, /no file in parity\/reference has tests/);

  shop.write('repository/parity/reference/empty.test.mjs', "import { test } from 'node:test';\nexport { test };\n");
  const empty = await runner(shop, 'oracle');
  assert.equal(empty.status, 1);
  assert.match(empty.output, /no test in parity\/reference\/empty\.test\.mjs/);
  assert.equal(lastLine(empty.output), '0 passed, 1 failed');
});

test('tests are found whatever their files are called', async (t) => {
  const shop = workshop(t);
  shop.write('repository/parity/reference/deep/one.spec.cjs', "const { it } = require('node:test');\nit('is found', () => {});\n");
  shop.write('repository/parity/reference/two.js', "const test = require('node:test');\ntest('is found', () => {});\n");
  shop.write('repository/parity/reference/three.mjs', "import test, { before } from 'node:test';\nbefore(() => {});\ntest('is found', () => {});\n");
  const { output } = await runner(shop, 'oracle');
  assert.equal(lastLine(output), '3 passed, 0 failed');
});

test('a build that fails fails the suites that need it, once each', async (t) => {
  const shop = workshop(t);
  shop.write('repository/npm/build.mjs', "console.log('no wasm today');\nprocess.exit(3);\n");
  shop.write('repository/npm/test/a.mjs', PASSES);
  shop.write('repository/worker/test/a.mjs', PASSES);
  const { status, output } = await runner(shop, 'parity-npm', 'worker');
  assert.equal(status, 1);
  assert.equal(output.match(/^no wasm today$/gm).length, 1, 'it is not built again');
  assert.match(output, /parity-npm: not run, because the build of npm failed/);
  assert.match(output, /worker: not run, because the build of worker failed/);
  assert.equal(lastLine(output), '0 passed, 3 failed');
});

test('what a suite leaves running is ended with it', { timeout: 20_000 }, async (t) => {
  const shop = workshop(t);
  shop.write(
    'repository/parity/verify.mjs',
    "import { spawn } from 'node:child_process';\nspawn('sleep', ['60'], { stdio: 'inherit' }).unref();\nconsole.log('1 pass · 0 fail');\n",
  );
  const { output } = await runner(shop, 'parity-reference');
  assert.equal(lastLine(output), '1 passed, 0 failed');
});

test('an unknown name is refused', async (t) => {
  const { status, output } = await runner(workshop(t), 'nonsense');
  assert.equal(status, 2);
  assert.match(output, /unknown: nonsense; there are fmt, lint/);
});
