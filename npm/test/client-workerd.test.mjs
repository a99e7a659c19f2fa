// The client and the providers on workerd, at a Worker's top level, where nobody may wait, ask or start a timer; and in a request.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import esbuild from 'esbuild';
import { Miniflare } from 'miniflare';
import { project } from './support/project.mjs';

const document = '{"version":1,"flags":[{"key":"a"}]}';

const { folder } = project(
  {
    'main.js': `
      import * as FF from 'burgee';
      import { createClient } from 'burgee/client';
      import { BurgeeServerProvider } from 'burgee/openfeature-server';
      import { OpenFeature } from '@openfeature/server-sdk';
      const snapshot = ${document};
      const top = createClient({ snapshot });
      const first = top.boolean('a', false);
      // It may not ask here, but it has its bootstrap.
      const errors = [];
      const early = createClient({ url: 'https://flags.example/v1/snapshot', bootstrap: snapshot, onError: ({ code }) => errors.push(code) });
      const bootstrapped = early.boolean('a', false);
      OpenFeature.setProvider(new BurgeeServerProvider({ snapshot }));
      export default {
        async fetch() {
          await early.refresh();
          const exposures = [];
          const client = createClient({
            url: 'https://flags.example/v1/snapshot',
            fetch: async (url, { headers }) => new Response('${document}', { headers: { ETag: '"1"' } }),
            onExposure: (batch) => void exposures.push(...batch),
          });
          await client.whenReady();
          const value = client.boolean('a', false, { user_id: 'U-1' });
          client.close();
          return Response.json({
            first,
            early: [errors, bootstrapped, early.status, early.boolean('a', true)],
            value,
            exposures: exposures.length,
            same: top.snapshot instanceof FF.Snapshot,
            openfeature: await OpenFeature.getClient().getBooleanValue('a', false),
          });
        },
      };
    `,
    'slim.js': `
      import { init } from 'burgee/slim';
      import { createClient } from 'burgee/slim/client';
      import module from 'burgee/burgee.wasm';
      init(module);
      const first = createClient({ snapshot: ${document} }).boolean('a', false);
      export default { fetch: () => Response.json({ first }) };
    `,
  },
  { peers: ['@openfeature/core', '@openfeature/server-sdk'] },
);

/** Bundles as wrangler does, and asks the Worker. Gives its answer, and what of the package went in. */
async function ask(name) {
  const out = join(folder, 'built', name);
  const { metafile } = await esbuild.build({
    entryPoints: [join(folder, `${name}.js`)],
    outfile: join(out, 'worker.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd'],
    external: ['node:*', 'async_hooks', 'events'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
    metafile: true,
    logLevel: 'silent',
  });
  const server = new Miniflare({
    modulesRoot: out,
    modules: readdirSync(out).sort().reverse().map((file) => ({
      type: file.endsWith('.wasm') ? 'CompiledWasm' : 'ESModule',
      path: join(out, file),
    })),
    compatibilityDate: '2026-01-01',
    compatibilityFlags: ['nodejs_compat'],
    outboundService: () => new Response('{"version":2,"flags":[{"key":"a","default_variant":"off"}]}'),
  });
  after(() => server.dispose());
  const answer = await (await server.dispatchFetch('http://worker/')).text();
  const inputs = Object.keys(metafile.inputs).flatMap((input) => input.split('node_modules/burgee/dist/')[1] ?? []);
  return { answer, inputs: inputs.sort() };
}

test('with the module that workerd imports, once', async () => {
  const { answer, inputs } = await ask('main');
  const { early, ...others } = JSON.parse(answer);
  assert.deepEqual(others, { first: true, value: true, exposures: 1, same: true, openfeature: true });
  assert.deepEqual(early, [['unavailable'], true, 'fresh', false]);
  assert.deepEqual(inputs, ['burgee.wasm', 'client.js', 'openfeature-server.js', 'workerd.js']);
});

test('with slim', async () => {
  const { answer, inputs } = await ask('slim');
  assert.deepEqual(JSON.parse(answer), { first: true });
  assert.deepEqual(inputs, ['burgee.wasm', 'slim-client.js', 'slim.js']);
});
