// Exposures: who was served what, each once in a while, and told in batches.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { START, URL, load, page, server, settle, stopTime } from './support/client.mjs';

const [{ createClient }] = await load('./client');

const MINUTE = 60_000;
const snapshot = {
  version: 1,
  flags: [
    { key: 'a', version: 4 },
    { key: 'ruled', version: 2, rules: [{ id: 'ca', when: { attr: 'country', op: 'equals', value: 'CA' }, serve: { variant: 'on' } }], default_variant: 'off' },
    { key: 'nothing', default_variant: null },
    { key: 'text', type: 'string', variants: [{ key: 'v', value: 'x' }], default_variant: 'v' },
  ],
};

/** A client whose batches are kept in `batches`. */
function start(t, options = {}) {
  const batches = [];
  const client = createClient({ snapshot, onExposure: (batch) => void batches.push(batch), ...options });
  t.after(() => client.close());
  return { client, batches, all: () => batches.flat() };
}

const user = (id, more) => ({ user_id: id, env: 'prod', ...more });

test('an exposure says who was served what, where, why and when', (t) => {
  stopTime(t);
  const { client, batches } = start(t);
  client.evaluate('ruled', user('U-1', { country: 'CA' }));
  client.evaluate('a', { user_id: 42 });
  client.evaluate('a', { project_id: 'P-1', env: 5 });
  client.evaluate('a', {});
  client.flush();
  const a = { flag: 'a', variant: 'on', flag_version: 4, reason: 'default', rule_id: null, at: START };
  assert.deepEqual(batches, [
    [
      { environment: 'prod', flag: 'ruled', variant: 'on', flag_version: 2, unit: 'U-1', reason: 'rule_match', rule_id: 'ca', at: START },
      { ...a, environment: 'dev', unit: '42' },
      { ...a, environment: 'dev', unit: 'P-1' },
      { ...a, environment: 'dev', unit: null },
    ],
  ]);
  assert.ok(Object.isFrozen(batches[0]) && Object.isFrozen(batches[0][0]));
});

test('a batch has an id of its own, whoever made it', (t) => {
  const ids = [];
  const onExposure = (batch, id) => void ids.push(id);
  for (const { client } of [start(t, { onExposure }), start(t, { onExposure })]) {
    for (const id of ['U-1', 'U-2']) {
      client.evaluate('a', user(id));
      client.flush();
    }
  }
  assert.equal(ids.length, 4);
  assert.equal(new Set(ids).size, 4);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test('every way of evaluating one flag is an exposure, by a context too; evaluating all of them is none', (t) => {
  const { client, all } = start(t);
  client.evaluate('a', user('evaluate'));
  client.boolean('a', false, user('getter'));
  client.evaluate(client.snapshot.flag('a'), client.snapshot.context(user('context')));
  client.evaluateAll(user('all'));
  client.flush();
  assert.deepEqual(all().map(({ unit }) => unit), ['evaluate', 'getter', 'context']);
});

test('no variant, another type, or track: false is no exposure', (t) => {
  const { client, all } = start(t);
  client.evaluate('nothing', user('U-1'));
  client.evaluate('missing', user('U-1'));
  client.string('a', 'z', user('U-1'));
  client.evaluate('a', user('U-1'), { track: false });
  client.boolean('a', false, user('U-1'), { track: false });
  client.flush();
  assert.deepEqual(all(), []);
  client.evaluate('a', user('U-1'), { track: true });
  client.flush();
  assert.equal(all().length, 1);
});

test('the same one is reported once in ten minutes; another environment, flag, variant, version or unit is another', async (t) => {
  const time = stopTime(t);
  const { client, all } = start(t);
  const contexts = [user('U-1'), user('U-2'), user('U-1', { env: 'dev' }), user('U-1', { country: 'CA' })];
  const round = () => {
    for (const context of contexts) for (const key of ['ruled', 'text']) for (let i = 0; i < 3; i++) client.evaluate(key, context);
    client.flush();
    return all().length;
  };
  const different = 3 + 1 + 3;
  assert.equal(round(), different);
  await time.pass(10 * MINUTE - 1);
  assert.equal(round(), different);
  await time.pass(1);
  assert.equal(round(), 2 * different);
});

test('seeing it again does not put off when it is reported again', async (t) => {
  const time = stopTime(t);
  const { client, all } = start(t, { exposures: { window: MINUTE } });
  for (let i = 0; i < 10; i++) {
    client.evaluate('a', user('U-1'));
    await time.pass(20_000);
  }
  client.flush();
  assert.deepEqual(all().map(({ at }) => at - START), [0, MINUTE, 2 * MINUTE, 3 * MINUTE]);
});

test('a new version of a flag is another exposure', async (t) => {
  const document = (version) => ({ flags: [{ key: 'a', version }] });
  const { fetch } = server({ body: document(2) });
  const { client, all } = start(t, { snapshot: undefined, url: URL, storage: null, fetch, bootstrap: document(1) });
  client.evaluate('a', user('U-1'));
  await client.refresh();
  client.evaluate('a', user('U-1'));
  client.flush();
  assert.deepEqual(all().map(({ flag_version }) => flag_version), [1, 2]);
});

test('a batch goes when it is full, or five seconds after its first', async (t) => {
  const time = stopTime(t);
  const { client, batches } = start(t);
  for (let i = 0; i < 250; i++) client.evaluate('a', user(`U-${i}`));
  assert.deepEqual(batches.map(({ length }) => length), [100, 100]);
  await time.pass(4_999);
  assert.equal(batches.length, 2);
  await time.pass(1);
  assert.deepEqual(batches.map(({ length }) => length), [100, 100, 50]);
  await time.pass(MINUTE);
  client.evaluate('a', user('later'));
  await time.pass(4_999);
  assert.equal(batches.length, 3);
  await time.pass(1);
  assert.equal(batches.length, 4);
});

test('window, delay and size may be others', async (t) => {
  const time = stopTime(t);
  const { client, batches } = start(t, { exposures: { window: 0, delay: 100, size: 2 } });
  for (let i = 0; i < 3; i++) client.evaluate('a', user('U-1'));
  assert.deepEqual(batches.map(({ length }) => length), [2]);
  await time.pass(100);
  assert.deepEqual(batches.map(({ length }) => length), [2, 1]);
});

test('what waits is handed over when the page is hidden, left, or the client closed', (t) => {
  const { hide, leave } = page(t);
  const { client, all } = start(t);
  const ends = [hide, leave, () => client.close()];
  for (const [index, end] of ends.entries()) {
    client.evaluate('a', user(`U-${index}`));
    assert.equal(all().length, index);
    end();
    assert.equal(all().length, index + 1);
  }
});

test('10,000 are remembered, the ones seen last', (t) => {
  stopTime(t);
  const { client, all } = start(t, { exposures: { size: 1 } });
  for (let i = 0; i < 10_000; i++) client.evaluate('a', user(`U-${i}`));
  client.evaluate('a', user('U-0'));
  assert.equal(all().length, 10_000);
  client.evaluate('a', user('one more'));
  client.evaluate('a', user('U-0'));
  client.evaluate('a', user('U-2'));
  assert.equal(all().length, 10_001, 'both are still known');
  client.evaluate('a', user('U-1'));
  assert.equal(all().length, 10_002, 'the one seen longest ago is not');
});

test('what onExposure throws or rejects with is reported, and the evaluation goes on', async (t) => {
  const errors = [];
  const onError = (error) => errors.push([error.code, error.cause.message]);
  const fail = () => {
    throw new Error('full');
  };
  for (const onExposure of [fail, async () => fail()]) {
    const { client } = start(t, { exposures: { size: 1 }, onExposure, onError });
    assert.equal(client.boolean('a', false, user('U-1')), true);
  }
  await settle();
  assert.deepEqual(errors, [['callback_failed', 'full'], ['callback_failed', 'full']]);
});

test('without onExposure nothing is read, kept or timed for it', (t) => {
  const timers = t.mock.method(globalThis, 'setTimeout');
  const { client } = start(t, { onExposure: undefined });
  const context = new Proxy({}, { getOwnPropertyDescriptor: () => assert.fail('read'), get: () => assert.fail('read') });
  assert.equal(client.evaluate('a', context).value, true);
  assert.equal(timers.mock.callCount(), 0);
});
