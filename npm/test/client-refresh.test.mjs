// How a client keeps its snapshot up to date: when it asks, what it sends, and what it does when that fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { START, URL, documentOf, fault, load, page, response, server, settle, stopTime } from './support/client.mjs';

const [{ createClient }] = await load('./client');

const ON = { body: documentOf(1, { a: true }), etag: '"1"' };
const OFF = { body: documentOf(2, { a: false }), etag: '"2"' };
const SAME = { status: 304 };
const MINUTE = 60_000;

/** A client of a server that answers so; it is closed after the test. `said` is what it reported. */
function start(t, answers, options = {}) {
  const { fetch, requests } = server(...answers);
  const said = [];
  const client = createClient({
    ...{ url: URL, fetch, storage: null },
    onStatus: (status) => said.push(status),
    onError: (error) => said.push(error.code),
    ...options,
  });
  t.after(() => client.close());
  /** How long after each other the requests were made, ms. */
  const waits = () => requests.slice(1).map(({ at }, index) => at - requests[index].at);
  return { client, requests, said, waits };
}

test('it asks at once, then every 30 s, for what has changed since', async (t) => {
  const time = stopTime(t);
  const { client, requests, said, waits } = start(t, [ON, SAME, SAME, OFF, SAME]);
  await settle();
  const first = client.snapshot;
  assert.equal(first.version, 1);
  for (let i = 0; i < 2; i++) await time.pass(30_000);
  assert.equal(client.snapshot, first, 'it is not compiled again');
  for (let i = 0; i < 2; i++) await time.pass(30_000);
  assert.equal(client.boolean('a', true), false);
  assert.deepEqual(waits(), [30_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(requests.map(({ url, headers }) => [url, headers['If-None-Match']]), [undefined, '"1"', '"1"', '"1"', '"2"'].map((etag) => [URL, etag]));
  assert.deepEqual(said, ['fresh']);
});

test('it takes the registry of a Worker out of its envelope, as it was written', async (t) => {
  const document = '{"version": 7, "flags": [{"key": "a", "type": "number", "variants": [{"key": "one", "value": 1.0}], "default_variant": "one"}]}';
  const envelope = `{"ok":true,"data":${document},"error":null,"service":{"request_id":"data\\",{"}}`;
  const { client, said } = start(t, [{ body: envelope, etag: '"7"' }]);
  await settle();
  assert.equal(client.snapshot.version, 7);
  assert.equal(client.number('a', 0), 1);
  assert.deepEqual(said, ['fresh']);
});

test('an envelope without a registry is refused, and so is what only begins like one', async (t) => {
  for (const body of ['{"ok":true,"data":null,"error":null}', '{"ok":true,', '{"ok":true,"flags":1}']) {
    const { client, said } = start(t, [{ body }]);
    await settle();
    assert.equal(client.status, 'empty', body);
    assert.equal(said.filter((code) => code !== 'empty').length, 1, body);
  }
});

for (const [is, wait] of [[0, 27_000], [1, 33_000]]) {
  test(`at its ${is === 0 ? 'earliest' : 'latest'} it asks after ${wait} ms`, async (t) => {
    const time = stopTime(t);
    time.chance.is = is;
    const { waits } = start(t, [ON, SAME]);
    await time.pass(wait - 1);
    assert.deepEqual(waits(), []);
    await time.pass(1);
    assert.deepEqual(waits(), [wait]);
  });
}

test('with refresh 0 it asks until there is an answer, and then never again', async (t) => {
  const time = stopTime(t);
  const { requests, said } = start(t, [{ status: 500 }, ON], { refresh: 0 });
  await time.pass(1_000);
  await time.pass(24 * 60 * MINUTE);
  assert.equal(requests.length, 2);
  assert.deepEqual(said, ['unavailable', 'fresh']);
});

test('after failures it waits twice as long each time, up to five minutes, and keeps the last good one', async (t) => {
  const time = stopTime(t);
  const { client, waits, said } = start(t, [ON, { status: 500 }], { refresh: 10_000 });
  await time.pass(10_000);
  assert.equal(client.status, 'stale');
  const expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1_000);
  for (const wait of expected) await time.pass(wait);
  assert.deepEqual(waits(), [10_000, ...expected]);
  assert.equal(client.boolean('a', false), true);
  assert.deepEqual(said.slice(0, 4), ['fresh', 'stale', 'unavailable', 'unavailable']);
});

for (const [is, wait] of [[0, 700], [1, 1_300]]) {
  test(`after an outage clients come back one by one: the ${is === 0 ? 'first' : 'last'} after ${wait} ms`, async (t) => {
    const time = stopTime(t);
    time.chance.is = is;
    const { waits } = start(t, [{ status: 502 }, ON]);
    await time.pass(wait);
    assert.deepEqual(waits(), [wait]);
  });
}

test('one that comes back starts over', async (t) => {
  const time = stopTime(t);
  const { waits, said } = start(t, [{ status: 500 }, { status: 500 }, ON, { status: 500 }, SAME], { refresh: 10_000 });
  for (const wait of [1_000, 2_000, 10_000, 1_000]) await time.pass(wait);
  assert.deepEqual(waits(), [1_000, 2_000, 10_000, 1_000]);
  assert.deepEqual(said, ['unavailable', 'unavailable', 'fresh', 'stale', 'unavailable', 'fresh']);
});

const DATE = (wait) => new Date(START + wait).toUTCString();

for (const [name, header, wait] of [
  ['in seconds', '120', 120_000],
  ['as a date', DATE(90_000), 90_000],
  ['shorter than its own', '0', 1_000],
  ['in the past', DATE(-MINUTE), 1_000],
  ['that says nothing', 'soon', 1_000],
  ['of years', '99999999999', 24 * 60 * MINUTE],
]) {
  test(`it heeds a Retry-After ${name}`, async (t) => {
    const time = stopTime(t);
    const { waits } = start(t, [{ status: 429, headers: { 'Retry-After': header } }, ON]);
    await time.pass(wait - 1);
    assert.deepEqual(waits(), []);
    await time.pass(1);
    assert.deepEqual(waits(), [wait]);
  });
}

for (const [name, answer, code] of [
  ['the network', new TypeError('fetch failed'), 'unavailable'],
  ['a server error', { status: 500 }, 'unavailable'],
  ['an address without one', { status: 404 }, 'unavailable'],
  ['an answer without a document', { status: 204 }, 'unavailable'],
  ['credentials', { status: 401 }, 'unauthorized'],
  ['permissions', { status: 403 }, 'unauthorized'],
  ['what is no JSON', { body: '<!doctype html>' }, 'invalid_json'],
  ['half a document', { body: '{"flags":[{"key":"a"' }, 'invalid_json'],
  ['a document without flags', { body: {} }, 'missing'],
  ['an answer that breaks off', () => new Response(new ReadableStream({ pull: (stream) => stream.error(new Error('reset')) })), 'unavailable'],
]) {
  test(`a failure of ${name} leaves the last good one in place, and is ${code}`, async (t) => {
    const time = stopTime(t);
    const { client, requests, said } = start(t, [ON, answer, OFF]);
    await time.pass(30_000);
    assert.equal(client.status, 'stale');
    assert.equal(client.boolean('a', false), true);
    await time.pass(1_000);
    assert.deepEqual(said, ['fresh', 'stale', code, 'fresh']);
    assert.equal(requests[2].headers['If-None-Match'], '"1"', 'what was refused is not what it has');
    assert.equal(client.boolean('a', true), false);
  });
}

test('a 304 that nobody asked for is a failure', async (t) => {
  const { client, said } = start(t, [SAME]);
  await settle();
  assert.equal(client.status, 'empty');
  assert.deepEqual(said, ['unavailable']);
});

test('a server without ETags: the same document is not compiled again', async (t) => {
  const time = stopTime(t);
  const { client, requests } = start(t, [{ body: ON.body }, { body: ON.body }, { body: OFF.body }]);
  await settle();
  const first = client.snapshot;
  await time.pass(30_000);
  assert.equal(client.snapshot, first);
  await time.pass(30_000);
  assert.equal(client.snapshot.version, 2);
  assert.deepEqual(requests.map(({ headers }) => headers['If-None-Match']), [undefined, undefined, undefined]);
});

test('a request may take 10 s, or what it is told', async (t) => {
  const time = stopTime(t);
  // One that heeds its signal, and one that does not.
  const heeds = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const never = () => new Promise(() => {});
  for (const answer of [heeds, never]) {
    for (const [timeout, options] of [[10_000, {}], [2_000, { timeout: 2_000 }]]) {
      const { client, requests, said } = start(t, [answer, ON], options);
      await time.pass(timeout - 1);
      assert.deepEqual(said, []);
      await time.pass(1);
      assert.deepEqual(said, ['unavailable']);
      assert.ok(requests[0].signal.aborted);
      await time.pass(1_000);
      assert.equal(client.status, 'fresh');
      client.close();
    }
  }
});

test('one request at a time: whoever asks meanwhile gets its outcome', async (t) => {
  stopTime(t);
  const { promise, resolve } = Promise.withResolvers?.() ?? deferred();
  const { client, requests } = start(t, [() => promise, { status: 500 }]);
  const waiting = [client.refresh(), client.refresh(), client.whenReady()];
  resolve(ON);
  await Promise.all(waiting);
  assert.equal(requests.length, 1);
  await assert.rejects(client.refresh(), fault('unavailable'));
  assert.equal(requests.length, 2);
});

function deferred() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

test('refresh asks now, and the next request is 30 s after that', async (t) => {
  const time = stopTime(t);
  const { client, waits } = start(t, [ON, SAME]);
  await time.pass(20_000);
  await client.refresh();
  await time.pass(30_000);
  assert.deepEqual(waits(), [20_000, 30_000]);
});

test('headers are sent, and a function of them is asked each time', async (t) => {
  const time = stopTime(t);
  let asked = 0;
  const { requests } = start(t, [ON, SAME], { headers: async () => ({ Authorization: `Bearer ${++asked}` }) });
  await time.pass(30_000);
  assert.deepEqual(requests.map(({ headers }) => headers.Authorization), ['Bearer 1', 'Bearer 2']);
  const { requests: others } = start(t, [ON], { headers: { 'X-A': 'b' } });
  assert.equal(others[0].headers['X-A'], 'b');
  const { said } = start(t, [ON, SAME], { headers: () => Promise.reject(new Error('no token')) });
  await settle();
  assert.deepEqual(said, ['unavailable']);
});

test('an URL may be an object', async (t) => {
  const { requests } = start(t, [ON], { url: new globalThis.URL(URL) });
  await settle();
  assert.equal(requests[0].url, URL);
});

test('the global fetch is used where none is given', async (t) => {
  const fetch = t.mock.method(globalThis, 'fetch', async () => response(ON));
  const { client } = start(t, [], { fetch: undefined });
  await client.whenReady();
  assert.equal(fetch.mock.callCount(), 1);
});

test('closed it asks no more, gives up the request that is under way, and what comes of it is not taken', async (t) => {
  const time = stopTime(t);
  const { client, requests, said } = start(t, [ON, () => new Promise(() => {})]);
  await time.pass(30_000);
  const waiting = client.refresh();
  client.close();
  await assert.rejects(waiting, fault('freed'));
  await assert.rejects(client.refresh(), fault('freed'));
  await time.pass(60 * MINUTE);
  assert.equal(requests.length, 2);
  assert.ok(requests[1].signal.aborted);
  assert.deepEqual(said, ['fresh', 'empty']);

  const { promise, resolve } = deferred();
  const late = start(t, [() => promise]);
  late.client.close();
  resolve(ON);
  await settle();
  assert.equal(late.client.status, 'empty');
  assert.deepEqual(late.said, []);
});

test('a program may end while a client waits', async (t) => {
  const unref = t.mock.fn();
  t.mock.method(globalThis, 'setTimeout', () => ({ unref }));
  start(t, [ON]);
  await settle();
  assert.ok(unref.mock.callCount() >= 2, 'the limit of the request, and the wait for the next');
});

test('while nobody sees the page it does not ask, and when somebody does it asks if that is due', async (t) => {
  const time = stopTime(t);
  const { hide, show } = page(t);
  const { requests, waits } = start(t, [ON, SAME]);
  await time.pass(10_000);
  hide();
  await time.pass(5_000);
  show();
  await time.pass(15_000);
  assert.deepEqual(waits(), [30_000], 'as if it had been seen all the time');
  hide();
  await time.pass(10 * MINUTE);
  assert.equal(requests.length, 2);
  show();
  await time.pass(0);
  assert.deepEqual(waits(), [30_000, 10 * MINUTE]);
});

test('a page that is loaded unseen asks once', async (t) => {
  const time = stopTime(t);
  const { show } = page(t, { seen: false });
  const { client, requests } = start(t, [ON, SAME]);
  await time.pass(5 * MINUTE);
  assert.equal(requests.length, 1);
  assert.equal(client.status, 'fresh');
  show();
  await time.pass(0);
  assert.equal(requests.length, 2);
});

test('a closed client does not mind the page', async (t) => {
  const time = stopTime(t);
  const { hide, show } = page(t);
  const { client, requests } = start(t, [ON]);
  await settle();
  client.close();
  hide();
  await time.pass(5 * MINUTE);
  show();
  await time.pass(5 * MINUTE);
  assert.equal(requests.length, 1);
});

test('what onChange, onStatus and onError throw or reject with is reported, and harms nothing', async (t) => {
  const errors = [];
  const { client } = start(t, [ON], {
    onStatus: () => {
      throw new Error('status');
    },
    onChange: async () => {
      throw new Error('change');
    },
    onError: (error) => {
      errors.push([error.code, error.cause.message]);
      throw new Error('error');
    },
  });
  await settle();
  assert.equal(client.status, 'fresh');
  assert.deepEqual(errors, [['callback_failed', 'status'], ['callback_failed', 'change']]);
});
