// `make deploy` with the real wrangler, against something that answers as the platform's API does: what would be sent to an account, and in which
// order. That an account takes it is not shown here.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import test, { before } from 'node:test';
import { OBJECTS, temporaryFolder, WORKER } from './harness.mjs';

const ROOT = dirname(WORKER);
const ID = 'a1'.repeat(16);
const QUEUES = ['burgee-webhooks', 'burgee-webhooks-dead', 'burgee-exposures-dead', 'burgee-exposures'];

before(() => execFileSync(process.execPath, [join(ROOT, 'www', 'build.mjs')]));

/** An account that has these namespaces and queues, and no Workers; it takes each but those that it `refuses`. `asked` is every request. */
async function account(t, { namespaces = [], queues = [], refuses = [] } = {}) {
  const asked = [];
  const listed = (path, search) => {
    const names = search.getAll('name');
    if (path === '/storage/kv/namespaces') return search.get('page') > 1 ? [] : namespaces;
    if (path === '/queues') return queues.filter((queue) => names.length === 0 || names.includes(queue)).map((queue) => ({ queue_id: queue, queue_name: queue, consumers: [] }));
    if (path === '/workers/scripts') return [];
    if (path.endsWith('/subdomain')) return { subdomain: 'example', enabled: false, previews_enabled: false };
    return undefined;
  };
  const made = (path, body) => {
    if (refuses.some((name) => path.startsWith(`/workers/scripts/${name}`))) return undefined;
    if (path === '/storage/kv/namespaces') namespaces.push({ id: ID, title: JSON.parse(body).title });
    if (path === '/queues') queues.push(JSON.parse(body).queue_name);
    return { id: ID, jwt: 'jwt', buckets: [] };
  };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks).toString('latin1');
      const { pathname, searchParams } = new URL(request.url, 'http://api');
      const path = pathname.replace('/client/v4/accounts/acc', '');
      asked.push({ method: request.method, path, body });
      const result = request.method === 'GET' ? listed(path, searchParams) : made(path, body);
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

async function deploy(t, base, { args = [], root = ROOT, vars = {} } = {}) {
  const home = temporaryFolder(t);
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, CI: 'true', CLOUDFLARE_API_BASE_URL: base, CLOUDFLARE_API_TOKEN: 'token', CLOUDFLARE_ACCOUNT_ID: 'acc', ...vars };
  const child = spawn(process.execPath, [join(root, 'worker', 'deploy.mjs'), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const [status] = await once(child, 'close');
  return { status, output };
}

/** A repository of what is deployed alone, whose configurations name FLAGS so, the objects' first. */
function repository(t, ...bindings) {
  const root = temporaryFolder(t);
  for (const [at, folder] of ['objects', 'worker'].entries()) {
    cpSync(join(ROOT, folder, 'build'), join(root, folder, 'build'), { recursive: true });
    const text = readFileSync(join(ROOT, folder, 'wrangler.jsonc'), 'utf8');
    const changed = text.replace('{ "binding": "FLAGS" }', bindings[at]);
    assert.notEqual(changed, text);
    writeFileSync(join(root, folder, 'wrangler.jsonc'), changed);
  }
  cpSync(join(WORKER, 'deploy.mjs'), join(root, 'worker', 'deploy.mjs'));
  cpSync(join(ROOT, 'www', 'dist'), join(root, 'www', 'dist'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
}

/** What was uploaded: each Worker's name, and its bindings by their names. */
const uploads = (asked) =>
  asked.filter(({ method, path, body }) => method !== 'GET' && /^\/workers\/scripts\/[^/]+(\/versions)?$/.test(path) && body.includes('"main_module"')).map(({ path, body }) => {
    const metadata = JSON.parse(/\{"main_module".*/.exec(body)[0].split('\r\n')[0]);
    return { name: path.split('/')[3], metadata, bindings: Object.fromEntries(metadata.bindings.map(({ name, ...binding }) => [name, binding])) };
  });

const listOf = (asked) => asked.map(({ method, path }) => `${method} ${path}`).join('\n');

const ACCOUNTS = {
  'an account that has nothing': {},
  'one that has all': { namespaces: [{ id: 'b2'.repeat(16), title: 'another' }, { id: ID, title: 'burgee-flags' }], queues: [...QUEUES] },
};
for (const [title, has] of Object.entries(ACCOUNTS)) {
  test(`both Workers are shipped, the objects first, and share a namespace: ${title}`, async (t) => {
    const isNew = has.namespaces === undefined;
    const { asked, base } = await account(t, has);
    const { status, output } = await deploy(t, base);
    assert.equal(status, 0, `${output}\n${listOf(asked)}`);
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
    assert.deepEqual([edge.bindings.EXPOSURES.queue_name, objects.bindings.WEBHOOKS.queue_name], ['burgee-exposures', 'burgee-webhooks']);
    const made = (path) => asked.filter((request) => request.method === 'POST' && request.path === path).map(({ body }) => JSON.parse(body));
    assert.deepEqual(made('/storage/kv/namespaces').map(({ title }) => title), isNew ? ['burgee-flags'] : []);
    assert.deepEqual(made('/queues').map(({ queue_name: name }) => name).sort(), isNew ? [...QUEUES].sort() : []);
    for (const folder of [WORKER, OBJECTS]) assert.ok(!existsSync(join(folder, 'wrangler.deploy.jsonc')), 'nothing is left behind');
  });
}

test('where the objects cannot be shipped, the edge is not', async (t) => {
  const { asked, base } = await account(t, { ...ACCOUNTS['one that has all'], refuses: ['burgee-objects'] });
  const { status, output } = await deploy(t, base);
  assert.notEqual(status, 0, output);
  assert.match(output, /burgee-objects is not deployed/);
  assert.deepEqual(uploads(asked).map(({ name }) => name), ['burgee-objects'], 'it was tried');
});

test('the edge can go alone, and is bound to the objects and the namespace all the same', async (t) => {
  const { asked, base } = await account(t, ACCOUNTS['one that has all']);
  const { status, output } = await deploy(t, base, { args: ['--edge'] });
  assert.equal(status, 0, `${output}\n${listOf(asked)}`);
  const [edge, ...others] = uploads(asked);
  assert.deepEqual([edge.name, edge.bindings.FLAGS.namespace_id, edge.bindings.METER.script_name, others], ['burgee', ID, 'burgee-objects', []]);
});

test('a namespace that a configuration names is the one for both', async (t) => {
  const named = 'c3'.repeat(16);
  const { asked, base } = await account(t, { queues: [...QUEUES] });
  const { status, output } = await deploy(t, base, { root: repository(t, '{"binding":"FLAGS"}', `{ "id": "${named}", "binding": "FLAGS" }`) });
  assert.equal(status, 0, `${output}\n${listOf(asked)}`);
  assert.deepEqual(uploads(asked).map(({ bindings }) => bindings.FLAGS.namespace_id), [named, named]);
  assert.ok(!asked.some(({ path }) => path === '/storage/kv/namespaces'), 'no other is looked for');
});

test('what would deploy only half of it, or two halves that do not fit, is refused before the account is asked', async (t) => {
  const { asked, base } = await account(t, {});
  const apart = repository(t, `{ "binding": "FLAGS", "id": "${ID}" }`, `{ "binding": "FLAGS", "id": "${'c3'.repeat(16)}" }`);
  const refused = [
    [{ args: ['--env', 'staging'] }, /--env would not fit both/],
    [{ args: ['--name=other'] }, /--name would not fit both/],
    [{ vars: { CLOUDFLARE_ENV: 'staging' } }, /CLOUDFLARE_ENV is set/],
    [{ root: apart }, /FLAGS must be one namespace/],
    [{ vars: { PATH: '/nowhere' } }, /wrangler cannot be run/],
  ];
  for (const [options, why] of refused) {
    const { status, output } = await deploy(t, base, options);
    assert.equal(status, 1, output);
    assert.match(output, why);
  }
  assert.deepEqual(asked, []);
});

test('a dry run asks nothing of the account', async (t) => {
  const { asked, base } = await account(t, {});
  const { status, output } = await deploy(t, base, { args: ['--dry-run'] });
  assert.equal(status, 0, output);
  assert.equal(output.match(/--dry-run: exiting now/g)?.length, 2, output);
  assert.deepEqual(asked, []);
});
