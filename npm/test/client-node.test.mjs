// The client and the providers in Node as users get them: by import and by require, with one evaluator whatever is imported, and with
// a server of its own.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { project } from './support/project.mjs';
import { runtimes } from './support/runtimes.mjs';

const body = JSON.stringify({ version: 1, flags: [{ key: 'a' }] });
const asked = [];
const http = createServer((request, response) => {
  asked.push(request.headers['if-none-match'] ?? null);
  const known = request.headers['if-none-match'] === '"1"';
  response.writeHead(known ? 304 : 200, { ETag: '"1"', 'Content-Type': 'application/json' }).end(known ? undefined : body);
});
http.listen(0, '127.0.0.1');
await once(http, 'listening');
after(() => http.close());
const url = `http://127.0.0.1:${http.address().port}/v1/snapshot`;

/** Evaluates by a client of the server, and by the providers; ends by itself although the client would ask again in 30 s. */
const program = (bring) => `
  ${bring('FF', 'burgee')}
  ${bring('client', 'burgee/client')}
  ${bring('web', 'burgee/openfeature-web')}
  ${bring('server', 'burgee/openfeature-server')}
  (async () => {
    const one = client.createClient({ url: process.argv[2] });
    await one.whenReady();
    await one.refresh();
    const snapshot = { flags: [{ key: 'a' }] };
    const before = FF.__memoryBytes();
    const context = { targetingKey: 'U-1' };
    console.log(JSON.stringify([
      one.boolean('a', false),
      one.status,
      one.snapshot instanceof FF.Snapshot,
      new web.BurgeeWebProvider({ snapshot }).resolveBooleanEvaluation('a', false, context).value,
      (await new server.BurgeeServerProvider({ snapshot }).resolveBooleanEvaluation('a', false, context)).value,
      before > 0,
    ]));
  })();
`;
const required = (name, from) => `const ${name} = require('${from}');`;
const imported = (name, from) => `import * as ${name} from '${from}';`;
const slim = (bring) => `
  ${bring('FF', 'burgee/slim')}
  ${bring('client', 'burgee/slim/client')}
  ${bring('web', 'burgee/slim/openfeature-web')}
  ${bring('fs', 'node:fs')}
  ${bring('nodeModule', 'node:module')}
  FF.init(fs.readFileSync(nodeModule.createRequire(process.cwd() + '/').resolve('burgee/burgee.wasm')));
  const snapshot = { flags: [{ key: 'a' }] };
  const one = client.createClient({ snapshot });
  console.log(JSON.stringify([
    one.boolean('a', false),
    one.snapshot instanceof FF.Snapshot,
    new web.BurgeeWebProvider({ snapshot }).resolveBooleanEvaluation('a', false, {}).value,
  ]));
`;

const { node } = project(
  {
    'main.mjs': program(imported),
    'main.cjs': program(required),
    'slim.mjs': slim(imported),
    'slim.cjs': slim(required),
    'alone.mjs': `
      import { createClient } from 'burgee/client';
      console.log(createClient({ snapshot: { flags: [{ key: 'a' }] } }).boolean('a', false));
    `,
  },
  { peers: ['@openfeature/core', '@openfeature/server-sdk', '@openfeature/web-sdk'] },
);
const alone = project({ 'alone.mjs': "import { createClient } from 'burgee/client';\nconsole.log(typeof createClient);\n" });

for (const { version, path: runtime } of runtimes()) {
  for (const file of ['main.mjs', 'main.cjs']) {
    test(`Node ${version}: ${file}`, async () => {
      asked.length = 0;
      assert.deepEqual(JSON.parse(await node([file, url], { runtime })), [true, 'fresh', true, true, true, true]);
      assert.deepEqual(asked, [null, '"1"']);
    });
  }

  for (const file of ['slim.mjs', 'slim.cjs']) {
    test(`Node ${version}: ${file}`, async () => assert.deepEqual(JSON.parse(await node([file], { runtime })), [true, true, true]));
  }

  test(`Node ${version}: the client needs no SDK of OpenFeature`, async () => {
    assert.equal(await alone.node(['alone.mjs'], { runtime }), 'function\n');
  });
}
