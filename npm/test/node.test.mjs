// The packed package in Node: by import and by require, on every Node that is here, with the module inside and without.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { project } from './support/project.mjs';
import { report } from './support/report.mjs';
import { runtimes } from './support/runtimes.mjs';

const KNOWN = "FF.hashBucket('bucket-low-1|syn.staged_25')";

const { node, fresh } = project({
  'first.mjs': `import * as FF from 'burgee';\nconsole.log(${KNOWN});\n`,
  'named.mjs': `import { hashBucket, Snapshot, BurgeeError } from 'burgee';\nconsole.log(typeof hashBucket, typeof Snapshot, typeof BurgeeError);\n`,
  'first.cjs': `const FF = require('burgee');\nconsole.log(${KNOWN});\n`,
  'cases.mjs': `import * as FF from 'burgee';\nimport { runCases } from './cases/run.mjs';\nconsole.log(JSON.stringify(runCases(FF)));\n`,
  'cases.cjs': `const FF = require('burgee');\nimport('./cases/run.mjs').then(({ runCases }) => console.log(JSON.stringify(runCases(FF))));\n`,
  'slim.cjs': `
    const FF = require('burgee/slim');
    FF.init(require('node:fs').readFileSync(require.resolve('burgee/burgee.wasm')));
    import('./cases/run.mjs').then(({ runCases }) => console.log(JSON.stringify(runCases(FF))));
  `,
  'slim.mjs': `
    import { readFileSync } from 'node:fs';
    import * as FF from 'burgee/slim';
    import { runCases } from './cases/run.mjs';
    FF.init(new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('burgee/burgee.wasm')))));
    console.log(JSON.stringify(runCases(FF)));
  `,
});

for (const { version, path: runtime } of runtimes()) {
  for (const file of ['first.mjs', 'first.cjs']) {
    test(`Node ${version}: ${file} prints 4, with nothing awaited`, async () => {
      assert.equal(await node([file], { runtime }), '4\n');
    });
  }

  test(`Node ${version}: names can be imported`, async () => {
    assert.equal(await node(['named.mjs'], { runtime }), 'function function function\n');
  });

  for (const file of ['cases.mjs', 'cases.cjs', 'slim.mjs', 'slim.cjs']) {
    test(`Node ${version}: ${file}`, async (t) => report(t, JSON.parse(await node([file], { runtime }))));
  }
}

test('bytes are copied, a Buffer\'s too: what happens to them later changes nothing, not even after a trap', async () => {
  const FF = await fresh();
  const document = '{"flags":[{"key":"a"}]}';
  for (const bytes of [Buffer.from(document), Buffer.from(`..${document}`).subarray(2), new TextEncoder().encode(document)]) {
    const snapshot = new FF.Snapshot(bytes);
    bytes.fill(0);
    assert.throws(FF.__trap, { code: 'internal' });
    assert.equal(snapshot.evaluate('a', {}).value, true);
  }
});

test('bytes of another realm are bytes, as those that test runners hand over are', async () => {
  const FF = await fresh();
  const bytes = runInNewContext('Uint8Array.from(codes)', { codes: [...Buffer.from('{"flags":[{"key":"a"}]}')] });
  assert.ok(!(bytes instanceof Uint8Array));
  assert.equal(new FF.Snapshot(bytes).evaluate('a', {}).value, true);
  assert.equal(FF.evaluate(bytes, { key: 'a' }).value, true);
});
