// `make deploy` with the real wrangler, against something that answers as the platform's API does: what would be sent to an account, and in which
// order. That an account takes it is not shown here.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import test, { before } from 'node:test';
import { OBJECTS, temporaryFolder, WORKER } from './harness.mjs';

const ID = 'a1'.repeat(16);
const QUEUES = ['burgee-webhooks', 'burgee-exposures', 'burgee-webhooks-dead', 'burgee-exposures-dead'];

before(() => execFileSync(process.execPath, [join(dirname(WORKER), 'www', 'build.mjs')]));

/** An account that has these namespaces and no Workers. `asked` is every request. */
async function account(t, namespaces) {
  const asked = [];
  const found = (path, { page = 1, name }) => {
    if (path.endsWith('/storage/kv/namespaces')) return page > 1 ? [] : namespaces;
    if (path.endsWith('/queues')) return QUEUES.filter((queue) => (name ?? queue) === queue).map((queue) => ({ queue_id: queue, queue_name: queue, consumers: [] }));
    if (path.endsWith('/workers/scripts')) return [];
    if (path.endsWith('/subdomain')) return { subdomain: 'example', enabled: false, previews_enabled: false };
    return undefined;
  };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks).toString('latin1');
      const { pathname, searchParams } = new URL(request.url, 'http://api');
      const path = pathname.replace('/client/v4/accounts/acc', '');
      asked.push({ method: request.method, path, body });
      const made = { id: ID, title: 'burgee-flags', jwt: 'jwt', buckets: [] };
      if (request.method === 'POST' && path === '/storage/kv/namespaces') namespaces.push(made);
      const result = request.method === 'GET' ? found(path, Object.fromEntries(searchParams)) : made;
      response.statusCode = result === undefined ? 404 : 200;
      const errors = result === undefined ? [{ code: 10007, message: 'not found' }] : [];
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ success: result !== undefined, errors, messages: [], result: result ?? null, result_info: { page: 1, per_page: 100, count: 1, total_count: 1 } }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { asked, base: `http://127.0.0.1:${server.address().port}/client/v4` };
}

async function deploy(t, base, ...args) {
  const home = temporaryFolder(t);
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, CI: 'true', CLOUDFLARE_API_BASE_URL: base, CLOUDFLARE_API_TOKEN: 'token', CLOUDFLARE_ACCOUNT_ID: 'acc' };
  const child = spawn(process.execPath, [join(WORKER, 'deploy.mjs'), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const [status] = await once(child, 'close');
  return { status, output };
}

/** What was uploaded: each Worker's name, and its bindings by their names. */
const uploads = (asked) =>
  asked.filter(({ method, path, body }) => method !== 'GET' && /^\/workers\/scripts\/[^/]+(\/versions)?$/.test(path) && body.includes('"main_module"')).map(({ path, body }) => {
    const metadata = JSON.parse(/\{"main_module".*/.exec(body)[0].split('\r\n')[0]);
    return { name: path.split('/')[3], metadata, bindings: Object.fromEntries(metadata.bindings.map(({ name, ...binding }) => [name, binding])) };
  });

for (const [title, namespaces] of Object.entries({ 'an account without the namespace': [], 'one that has it': [{ id: 'b2'.repeat(16), title: 'another' }, { id: ID, title: 'burgee-flags' }] })) {
  test(`both Workers are shipped, the objects first, and share a namespace: ${title}`, async (t) => {
    const makes = namespaces.length === 0;
    const { asked, base } = await account(t, namespaces);
    const { status, output } = await deploy(t, base);
    assert.equal(status, 0, `${output}\n${asked.map(({ method, path }) => `${method} ${path}`).join('\n')}`);
    const sent = uploads(asked);
    assert.deepEqual(sent.map(({ name }) => name), ['burgee-objects', 'burgee']);
    for (const { name, bindings } of sent) assert.deepEqual(bindings.FLAGS, { type: 'kv_namespace', namespace_id: ID }, name);
    const [objects, edge] = sent;
    assert.deepEqual(objects.metadata.migrations, { new_tag: 'v1', steps: [{ new_sqlite_classes: ['Tenant', 'Meter'] }] });
    const consumers = asked.filter(({ method, path }) => method === 'POST' && path.endsWith('/consumers'));
    assert.deepEqual(consumers.map(({ path, body }) => [path, JSON.parse(body).script_name]), [
      ['/queues/burgee-webhooks/consumers', 'burgee-objects'],
      ['/queues/burgee-exposures/consumers', 'burgee-objects'],
    ]);
    assert.equal(edge.metadata.migrations, undefined);
    assert.deepEqual(edge.bindings.TENANTS, { type: 'durable_object_namespace', class_name: 'Tenant', script_name: 'burgee-objects' });
    assert.equal(asked.filter(({ method, path }) => method === 'POST' && path === '/storage/kv/namespaces').length, makes ? 1 : 0);
    for (const folder of [WORKER, OBJECTS]) assert.ok(!existsSync(join(folder, 'wrangler.deploy.jsonc')), 'nothing is left behind');
  });
}

test('where the objects cannot be shipped, the edge is not', async (t) => {
  const { asked, base } = await account(t, []);
  const { status, output } = await deploy(t, base.replace('/v4', '/v5'));
  assert.notEqual(status, 0, output);
  assert.deepEqual(uploads(asked), []);
});
