// The packed package on workerd, where a module may not be compiled from bytes: the entry of that condition imports it.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import esbuild from 'esbuild';
import { Miniflare } from 'miniflare';
import { project } from './support/project.mjs';
import { report } from './support/report.mjs';

// Evaluates at the top level too: nothing there may wait, ask for randomness or compile.
const worker = (start) => `
  ${start}
  import { runCases } from './cases/run.mjs';
  const first = FF.hashBucket('bucket-low-1|syn.staged_25');
  const snapshot = new FF.Snapshot({ flags: [{ key: 'a', stage: { rollout_stage: 'internal' } }] });
  export default {
    async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname === '/cases') return Response.json(runCases(FF));
      if (url.pathname === '/trap') {
        try {
          FF.__trap();
        } catch (error) {
          return Response.json({ code: error.code });
        }
      }
      const { value, reason } = snapshot.evaluate('a', Object.fromEntries(url.searchParams));
      return Response.json({ first, value, reason });
    },
  };
`;

const { folder } = project({
  'main.js': worker("import * as FF from 'burgee';"),
  'slim.js': worker("import * as FF from 'burgee/slim';\nimport module from 'burgee/burgee.wasm';\nFF.init(module);"),
});

/** Bundles as wrangler does: by the condition `workerd`, and with modules of WebAssembly left as imports. */
async function bundle(name) {
  const out = join(folder, 'built', name);
  const { metafile } = await esbuild.build({
    entryPoints: [join(folder, `${name}.js`)],
    outfile: join(out, 'worker.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    metafile: true,
    logLevel: 'silent',
  });
  return { out, inputs: Object.keys(metafile.inputs) };
}

const servers = new Map();
const bundles = new Map();

before(async () => {
  for (const name of ['main', 'slim']) {
    const { out, inputs } = await bundle(name);
    bundles.set(name, { out, inputs });
    servers.set(name, new Miniflare({
      modulesRoot: out,
      modules: readdirSync(out).sort().reverse().map((file) => ({
        type: file.endsWith('.wasm') ? 'CompiledWasm' : 'ESModule',
        path: join(out, file),
      })),
      compatibilityDate: '2026-01-01',
    }));
  }
});

after(async () => {
  for (const server of servers.values()) await server.dispose();
});

async function ask(name, path) {
  const response = await servers.get(name).dispatchFetch(`http://worker${path}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

test('the condition workerd is met, and brings no module in text', () => {
  const { out, inputs } = bundles.get('main');
  const ours = inputs.filter((input) => input.includes('node_modules/burgee/')).map((input) => input.split('node_modules/burgee/')[1]);
  assert.deepEqual(ours.sort(), ['dist/burgee.wasm', 'dist/workerd.js']);
  const code = readFileSync(join(out, 'worker.js'), 'utf8');
  const module = readFileSync(join(folder, 'node_modules/burgee/dist/burgee.wasm')).toString('base64');
  assert.ok(!code.includes(module.slice(0, 60)));
  assert.doesNotMatch(code, /[A-Za-z0-9+/]{200}/);
  assert.equal(readdirSync(out).filter((file) => file.endsWith('.wasm')).length, 1);
});

for (const name of ['main', 'slim']) {
  test(`${name}: a request is evaluated, and one after a trap`, async () => {
    assert.deepEqual(await ask(name, '/?tier=staff'), { first: 4, value: true, reason: 'stage_internal_staff' });
    assert.deepEqual(await ask(name, '/trap'), { code: 'internal' });
    assert.deepEqual(await ask(name, '/?tier=free'), { first: 4, value: false, reason: 'stage_internal_not_staff' });
  });

  test(`${name}: cases`, async (t) => report(t, await ask(name, '/cases')));
}
