// The client: what it is told, what it answers, and where its snapshot comes from.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { URL, documentOf, fault, load, page, server, settle, stopTime, storage } from './support/client.mjs';

const [FF, { createClient }, slim, slimClient] = await load('.', './client', './slim', './slim/client');

const document = {
  version: 3,
  flags: [
    { key: 'bool' },
    { key: 'text', type: 'string', variants: [{ key: 'a', value: 'A' }], default_variant: 'a' },
    { key: 'int', type: 'integer', variants: [{ key: 'a', value: 7 }], default_variant: 'a' },
    { key: 'num', type: 'number', variants: [{ key: 'a', value: 0.5 }], default_variant: 'a' },
    { key: 'tree', type: 'json', variants: [{ key: 'a', value: { b: [1] } }], default_variant: 'a' },
    { key: 'nil', type: 'json', variants: [{ key: 'a', value: null }], default_variant: 'a' },
    { key: 'none', type: 'string', variants: [{ key: 'a', value: 'A' }] },
    { key: 'wrong', type: 'string' },
    { key: 'staff', stage: { rollout_stage: 'internal' } },
  ],
};
const quiet = { storage: null };

const REFUSED = {
  'no options': [undefined, ''],
  'no object': ['https://flags.example', ''],
  'neither': [{}, '/url'],
  'neither, but others': [{ refresh: 5 }, '/url'],
  'both': [{ url: URL, snapshot: document }, '/snapshot'],
  'an empty url': [{ url: '' }, '/url'],
  'an url that is none': [{ url: 5 }, '/url'],
  'a snapshot that is none': [{ snapshot: 5 }, '/snapshot'],
  'a snapshot that is a list': [{ snapshot: [] }, '/snapshot'],
  'a snapshot that is null': [{ snapshot: null }, '/snapshot'],
  ...Object.fromEntries(
    [['refresh', 0], ['timeout', 5], ['bootstrap', document], ['tenant', 'acme'], ['headers', {}], ['storage', null], ['fetch', fetch]].map(
      ([name, value]) => [`${name} beside a snapshot`, [{ snapshot: document, [name]: value }, `/${name}`]],
    ),
  ),
  'a negative time': [{ url: URL, refresh: -1 }, '/refresh'],
  'a time that is none': [{ url: URL, refresh: NaN }, '/refresh'],
  'a time as text': [{ url: URL, refresh: '30000' }, '/refresh'],
  'a time that no timer has': [{ url: URL, refresh: 2 ** 31 }, '/refresh'],
  'no time at all': [{ url: URL, timeout: 0 }, '/timeout'],
  'a bootstrap that is none': [{ url: URL, bootstrap: true }, '/bootstrap'],
  'an empty tenant': [{ url: URL, tenant: '' }, '/tenant'],
  'headers that are none': [{ url: URL, headers: 'a: b' }, '/headers'],
  'a storage that is none': [{ url: URL, storage: {} }, '/storage'],
  'a fetch that is none': [{ url: URL, fetch: {} }, '/fetch'],
  'a function that is none': [{ snapshot: document, onChange: {} }, '/onChange'],
  'exposures that are none': [{ snapshot: document, exposures: 5 }, '/exposures'],
  'an exposure window that is none': [{ snapshot: document, exposures: { window: -1 } }, '/exposures/window'],
  'a batch of nothing': [{ snapshot: document, exposures: { size: 0 } }, '/exposures/size'],
  'an exposure option that there is not': [{ snapshot: document, exposures: { max: 1 } }, '/exposures/max'],
  'an option that there is not': [{ url: URL, refersh: 5 }, '/refersh'],
};

for (const [name, [options, pointer]] of Object.entries(REFUSED)) {
  test(`refused, and named: ${name}`, () => assert.throws(() => createClient(options), fault('invalid_option', pointer)));
}

test('a snapshot that the evaluator refuses is refused', () => {
  assert.throws(() => createClient({ snapshot: '{"flags":5}' }), fault('wrong_type', '/flags'));
});

test('options that are undefined are absent', () => {
  const client = createClient({ snapshot: document, url: undefined, refresh: undefined, onChange: undefined, exposures: { size: undefined } });
  assert.equal(client.status, 'fresh');
  client.close();
});

test('of a snapshot, in every form: it answers at once, and asks nobody', async (t) => {
  const asked = t.mock.method(globalThis, 'fetch', () => assert.fail('asked'));
  const json = JSON.stringify(document);
  for (const snapshot of [document, json, new TextEncoder().encode(json), new FF.Snapshot(document)]) {
    const client = createClient({ snapshot });
    assert.equal(client.status, 'fresh');
    assert.equal(client.snapshot.version, 3);
    await client.whenReady();
    await client.refresh();
    assert.equal(client.evaluate('bool', {}).value, true);
    client.close();
  }
  assert.equal(asked.mock.callCount(), 0);
});

test('a compiled snapshot stays its owner\'s', () => {
  const snapshot = new FF.Snapshot(document);
  createClient({ snapshot }).close();
  assert.equal(snapshot.evaluate('bool', {}).value, true);
  snapshot.free();
});

test('each getter gives its own type, and else what it was told', (t) => {
  const client = createClient({ snapshot: document });
  t.after(() => client.close());
  assert.equal(client.boolean('bool', false), true);
  assert.equal(client.string('text', 'z'), 'A');
  assert.equal(client.integer('int', 1), 7);
  assert.equal(client.number('num', 1), 0.5);
  assert.equal(client.number('int', 1), 7);
  assert.deepEqual(client.json('tree', {}), { b: [1] });
  assert.ok(Object.isFrozen(client.json('tree', {}).b));
  assert.equal(client.json('nil', 5), null);

  assert.equal(client.integer('num', 1), 1);
  assert.equal(client.boolean('text', false), false);
  assert.equal(client.string('bool', 'z'), 'z');
  assert.equal(client.json('text', 'z'), 'z');
  for (const key of ['none', 'wrong', 'missing']) assert.equal(client.string(key, 'z'), 'z', key);

  assert.equal(client.boolean('staff', true, { tier: 'free' }), false);
  assert.equal(client.boolean('staff', false, { tier: 'free' }, { overrides: { user: { staff: true } } }), true);
  assert.equal(client.boolean('staff', false, client.snapshot.context({ tier: 'staff' })), true);
});

test('an evaluation, and all of them, are the snapshot\'s', (t) => {
  const client = createClient({ snapshot: document });
  t.after(() => client.close());
  assert.equal(client.evaluate('staff', { tier: 'staff' }), client.snapshot.evaluate('staff', { tier: 'staff' }));
  assert.equal(client.evaluate(client.snapshot.flag('staff'), { tier: 'x' }).reason, 'stage_internal_not_staff');
  assert.deepEqual(client.evaluateAll({ tier: 'staff' }), client.snapshot.evaluateAll({ tier: 'staff' }));
  assert.throws(() => client.evaluate('bool', 'U-1'), fault('invalid_request', '/context'));
});

test('before there is a snapshot every flag is unknown', (t) => {
  const client = createClient({ ...quiet, url: URL, fetch: () => new Promise(() => {}) });
  t.after(() => client.close());
  assert.equal(client.status, 'empty');
  assert.equal(client.evaluate('a', {}).source, 'unknown_flag');
  assert.equal(client.boolean('a', true), true);
  assert.deepEqual({ ...client.evaluateAll({}) }, {});
});

test('a bootstrap, in every form, answers at once; then the server\'s document does', async () => {
  const bootstrap = documentOf(1, { a: false });
  const json = JSON.stringify(bootstrap);
  for (const form of [bootstrap, json, new TextEncoder().encode(json)]) {
    const said = [];
    const { fetch } = server({ body: documentOf(2, { a: true }), etag: '"2"' });
    const client = createClient({
      ...{ ...quiet, url: URL, fetch, bootstrap: form },
      onChange: (change) => said.push(change),
      onStatus: (...statuses) => said.push(statuses),
    });
    assert.equal(client.status, 'bootstrap');
    assert.equal(client.boolean('a', true), false);
    await client.whenReady();
    assert.equal(client.status, 'bootstrap', 'it is ready as it is');
    await settle();
    assert.equal(client.boolean('a', false), true);
    assert.deepEqual(said, [['fresh', 'bootstrap'], { version: 2, changed: ['a'] }]);
    client.close();
  }
});

test('a bootstrap that is refused is reported, and as good as absent', async () => {
  const errors = [];
  const { fetch } = server({ body: documentOf(2, { a: true }) });
  const client = createClient({ ...quiet, url: URL, fetch, bootstrap: '{"flags":', onError: (error) => errors.push(error.code) });
  assert.equal(client.status, 'empty');
  assert.deepEqual(errors, ['invalid_json']);
  await client.whenReady();
  assert.equal(client.boolean('a', false), true);
  client.close();
});

test('what was stored answers at once after a reload, and the server is asked whether it still holds', async () => {
  const kept = storage();
  const first = createClient({ url: URL, storage: kept, fetch: server({ body: documentOf(1, { a: true }), etag: '"1"' }).fetch });
  await first.whenReady();
  first.close();

  const { fetch, requests } = server({ status: 304 });
  const second = createClient({ url: URL, storage: kept, fetch });
  assert.equal(second.status, 'stored');
  assert.equal(second.boolean('a', false), true);
  await settle();
  assert.equal(requests[0].headers['If-None-Match'], '"1"');
  assert.equal(second.status, 'fresh');
  second.close();

  const third = createClient({ url: URL, storage: kept, fetch: server(new Error('offline')).fetch });
  await settle();
  assert.equal(third.status, 'stale', 'the last good one');
  assert.equal(third.boolean('a', false), true);
  third.close();
});

test('a bootstrap counts before what is stored', async () => {
  const kept = storage();
  const first = createClient({ url: URL, storage: kept, fetch: server({ body: documentOf(9, { a: true }) }).fetch });
  await first.whenReady();
  first.close();
  const { fetch, requests } = server({ status: 500 });
  const second = createClient({ url: URL, storage: kept, fetch, bootstrap: documentOf(1, { a: false }) });
  assert.equal(second.boolean('a', true), false);
  await settle();
  assert.equal(requests[0].headers['If-None-Match'], undefined);
  second.close();
});

test('what is stored is kept apart by URL and tenant, and sent the tenant', async () => {
  const kept = storage();
  const client = (options) => createClient({ url: URL, storage: kept, ...options });
  for (const [tenant, on] of [['acme', true], ['umbrella', false]]) {
    const { fetch, requests } = server({ body: documentOf(1, { a: on }) });
    const one = client({ tenant, fetch });
    await one.whenReady();
    assert.equal(requests[0].headers['X-Tenant-ID'], tenant);
    one.close();
  }
  const { fetch } = server({ status: 500 });
  const value = (options) => {
    const one = client({ fetch, ...options });
    const status = `${one.status} ${one.boolean('a', false)}`;
    one.close();
    return status;
  };
  assert.equal(value({ tenant: 'acme' }), 'stored true');
  assert.equal(value({ tenant: 'umbrella' }), 'stored false');
  assert.equal(value({}), 'empty false');
  assert.equal(value({ url: `${URL}?other`, tenant: 'acme' }), 'empty false');
});

const MINE = `burgee:${URL}`;

for (const [name, text] of Object.entries({
  'nothing': '',
  'something else': 'hello',
  'no document': 'burgee/1\n"1"',
  'half a document': 'burgee/1\n"1"\n{"flags":[{"key":',
  'a refused document': 'burgee/1\n"1"\n{"flags":5}',
  'another form': 'burgee/2\n"1"\n{"flags":[]}',
})) {
  test(`a storage with ${name} in it is as good as empty`, async () => {
    const { fetch, requests } = server({ body: documentOf(1, { a: true }), etag: '"1"' });
    const kept = storage({ [MINE]: text });
    const errors = [];
    const client = createClient({ url: URL, storage: kept, fetch, onError: (error) => errors.push(error) });
    assert.equal(client.status, 'empty');
    await client.whenReady();
    assert.equal(requests[0].headers['If-None-Match'], undefined);
    assert.match(kept.map.get(MINE), /^burgee\/1\n"1"\n\{/);
    assert.deepEqual(errors, []);
    client.close();
  });
}

test('a storage that fails is done without', async () => {
  const fail = () => {
    throw new Error('forbidden');
  };
  const { fetch } = server({ body: documentOf(1, { a: true }) });
  const client = createClient({ url: URL, storage: { getItem: fail, setItem: fail, removeItem: fail }, fetch, onError: fail });
  await client.whenReady();
  assert.equal(client.boolean('a', false), true);
  client.close();
});

test('a document of more than 1 MiB is not stored, nor is what it replaces kept', async () => {
  const kept = storage({ [MINE]: `burgee/1\n"1"\n${JSON.stringify(documentOf(1, { a: true }))}` });
  const large = documentOf(2, { a: false });
  large.flags.push(...Array.from({ length: 20 }, (_, i) => ({ key: `f${i}`, description: 'x'.repeat(60_000) })));
  const client = createClient({ url: URL, storage: kept, fetch: server({ body: large, etag: '"2"' }).fetch });
  await settle();
  assert.equal(client.boolean('a', true), false);
  assert.equal(kept.map.size, 0);
  client.close();
});

test('a page\'s own storage is used unless it is turned off, and none where there is no page', async (t) => {
  const { fetch } = server({ body: documentOf(1, { a: true }) });
  const once = async (options) => {
    const client = createClient({ url: URL, fetch, ...options });
    await client.whenReady();
    client.close();
  };
  await once({});
  const { local } = page(t);
  await once({ storage: null });
  assert.equal(local.map.size, 0);
  await once({});
  assert.deepEqual([...local.map.keys()], [MINE]);
});

test('whenReady waits for the first answer, and rejects with what was wrong with it', async (t) => {
  const time = stopTime(t);
  const { fetch } = server({ status: 503 }, { body: documentOf(1, { a: true }) });
  const client = createClient({ ...quiet, url: URL, fetch });
  await assert.rejects(client.whenReady(), fault('unavailable'));
  await assert.rejects(client.whenReady(), fault('unavailable'), 'it does not ask sooner for being asked');
  await time.pass(1_000);
  await client.whenReady();
  assert.equal(client.status, 'fresh');
  client.close();
  await assert.rejects(client.whenReady(), fault('freed'));
});

test('contexts and flags of earlier snapshots go on working, and so does one that was just asked for', async () => {
  const staged = (version) => ({ version, flags: [{ key: 'a', stage: { rollout_stage: version % 2 ? 'internal' : 'draft' } }] });
  const { fetch } = server(...Array.from({ length: 9 }, (_, i) => ({ body: staged(i + 2) })));
  const client = createClient({ ...quiet, url: URL, fetch, bootstrap: staged(1) });
  const [snapshot, context, flag] = [client.snapshot, client.snapshot.context({ tier: 'staff' }), client.snapshot.flag('a')];
  client.evaluate(flag, context);
  await settle();
  assert.equal(client.snapshot.version, 2);
  assert.equal(snapshot.evaluate(flag, context).value, true, 'the one before is still there');
  for (let version = 3; version <= 9; version++) {
    await client.refresh();
    assert.equal(client.evaluate(flag, context).value, version % 2 === 1, `version ${version}`);
  }
  assert.throws(() => snapshot.evaluate('a', {}), fault('freed'));
  client.close();
});

test('one module for the client and for what it stands on; slim\'s client stands on slim', async () => {
  const client = createClient({ snapshot: document });
  assert.ok(client.snapshot instanceof FF.Snapshot);
  client.close();
  assert.throws(() => slimClient.createClient({ snapshot: document }), fault('not_initialized'));
  assert.ok(slimClient.createClient !== createClient && slim.Snapshot !== FF.Snapshot);
});

test('it can be disposed of', () => {
  const client = createClient({ snapshot: document });
  client[Symbol.dispose]();
  assert.equal(client.status, 'empty');
  client.close();
  assert.equal(client.boolean('bool', false), false);
  assert.equal(client.evaluate('bool', {}).source, 'unknown_flag');
});
