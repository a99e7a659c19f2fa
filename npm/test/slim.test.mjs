// burgee/slim: without the module, which its user brings.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import esbuild from 'esbuild';
import { project } from './support/project.mjs';

const KNOWN = ['bucket-low-1|syn.staged_25', 4];
const { folder, write, fresh } = project();
const bytes = readFileSync(createRequire(join(folder, 'package.json')).resolve('burgee/burgee.wasm'));

const refusal = (code) => (error) => error.name === 'BurgeeError' && error.code === code && error.pointer === '';

test('nothing works before init, and everything after it', async () => {
  const FF = await fresh('./slim');
  const uses = [
    () => FF.hashBucket('a'),
    () => new FF.Snapshot({ flags: [] }),
    () => FF.evaluate({ flags: [] }, { key: 'a' }),
    () => FF.evaluateBatch({ flags: [] }, { flags: ['a'] }),
    () => FF.explain('{"flags":[]}', { key: 'a' }),
  ];
  for (const use of uses) assert.throws(use, refusal('not_initialized'));
  assert.throws(uses[0], /call init\(\)/);
  FF.init(bytes);
  for (const use of uses) use();
  assert.equal(FF.hashBucket(KNOWN[0]), KNOWN[1]);
});

const buffer = new Uint8Array(bytes).buffer;
const FORMS = {
  'a Buffer': () => bytes,
  'a Uint8Array': () => new Uint8Array(buffer),
  'an ArrayBuffer': () => buffer,
  'a view in the middle of a buffer': () => new Uint8Array([0, 0, 0, ...bytes, 0]).subarray(3, bytes.length + 3),
  'a module': () => new WebAssembly.Module(bytes),
};

for (const [name, form] of Object.entries(FORMS)) {
  test(`init takes ${name}, at once, and traps are survived with it`, async () => {
    const FF = await fresh('./slim');
    assert.equal(FF.init(form()), undefined);
    assert.equal(FF.hashBucket(KNOWN[0]), KNOWN[1]);
    assert.throws(FF.__trap, refusal('internal'));
    assert.equal(FF.hashBucket(KNOWN[0]), KNOWN[1]);
  });
}

test('a later init changes nothing', async () => {
  const FF = await fresh('./slim');
  FF.init(bytes);
  const snapshot = new FF.Snapshot({ flags: [{ key: 'a' }] });
  const context = snapshot.context({});
  for (const module of [bytes, undefined, new Uint8Array(3)]) FF.init(module);
  assert.equal(snapshot.evaluate('a', context).value, true);
});

test('what is no module is refused by init itself, and init may be called again', async () => {
  const FF = await fresh('./slim');
  // A module without anything in it; one that asks for what nobody has, as a module of another version does; and no modules.
  const empty = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const asking = [...empty, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x61, 1, 0x62, 0, 0, 7, 14, 1, 10, ...Buffer.from('engine_new'), 0, 0];
  const modules = [empty, asking].map((module) => new WebAssembly.Module(Uint8Array.from(module)));
  const others = [new Uint8Array(0), new Uint8Array(64), bytes.subarray(0, 1000), undefined, null, 'burgee.wasm', {}];
  for (const module of [...modules, ...others]) {
    assert.throws(() => FF.init(module), refusal('not_initialized'));
    assert.throws(() => FF.hashBucket('a'), refusal('not_initialized'));
  }
  FF.init(bytes);
  assert.equal(FF.hashBucket(KNOWN[0]), KNOWN[1]);
});

test('slim and the entry with the module inside do not meet', async () => {
  const [FF, slim] = [await fresh('.'), await fresh('./slim')];
  assert.equal(FF.hashBucket(KNOWN[0]), KNOWN[1]);
  assert.throws(() => slim.hashBucket('a'), refusal('not_initialized'));
});

test('a bundler leaves out what is not used of it', async () => {
  const bundled = async (source) => {
    write({ 'used.js': source });
    const { outputFiles } = await esbuild.build({
      ...{ entryPoints: [join(folder, 'used.js')], bundle: true, minify: true, write: false, format: 'esm', logLevel: 'silent' },
    });
    return outputFiles[0].text.trim();
  };
  assert.equal(await bundled("import { Snapshot } from 'burgee/slim';"), '');
  assert.ok((await bundled("export { Snapshot, init } from 'burgee/slim';")).length > 5000);
});
