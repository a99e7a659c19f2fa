// What others hear of changes: event streams, and webhooks through the queue.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { eventually, sleep, startWorker, token } from './harness.mjs';

const flag = (key, more) => ({ key, type: 'boolean', state: 'on', default_variant: 'on', ...more });

/** An event stream that is read in the background. */
async function listen(worker, path, headers = {}) {
  const abort = new AbortController();
  const response = await worker.fetch(path, { headers, signal: abort.signal });
  const stream = { response, text: '', close: () => abort.abort() };
  if (response.status !== 200) return { ...stream, text: await response.text() };
  stream.ended = (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body) stream.text += decoder.decode(chunk, { stream: true });
    } catch {
      // It was closed.
    }
  })();
  /** The frames so far, as objects; comments are left out. */
  stream.frames = () =>
    stream.text.split('\n\n').filter((frame) => frame && !frame.startsWith(':')).map((frame) => {
      const fields = Object.fromEntries(frame.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      return { ...fields, data: JSON.parse(fields.data) };
    });
  return stream;
}

const headers = (tenant, claims) => ({ Authorization: `Bearer ${token(claims)}`, 'X-Tenant-ID': tenant });
const sockets = async (worker, tenant) => Number((await worker.sql(tenant, 'sockets'))[0].n);

test('event streams', async (t) => {
  const worker = await startWorker(t);
  const write = (key, more) => worker.v1('acme', 'POST', '/v1/flags', flag(key, more));
  let checked = 0;

  await t.test('tell of each change, in order and as CloudEvents', async () => {
    const stream = await listen(worker, '/v1/events', headers('acme'));
    assert.match(stream.response.headers.get('Content-Type'), /^text\/event-stream/);
    assert.equal(stream.response.headers.get('Access-Control-Allow-Origin'), '*');
    for (let n = 1; n <= 5; n += 1) await write(`f${n}`);
    const frames = await eventually(() => stream.frames(), ({ length }) => length >= 5, 'the events');
    assert.deepEqual(frames.map(({ id, event }) => [id, event]), [1, 2, 3, 4, 5].map((n) => [String(n), 'flag.created']));
    assert.deepEqual([frames[4].data.specversion, frames[4].data.id], ['1.0', 'acme/5']);
    stream.close();
    checked += 1;
  });

  await t.test('resume after the last that was seen, by header or query', async () => {
    for (const [path, more] of [['/v1/events', { 'Last-Event-ID': '3' }], ['/v1/events?last_event_id=3', {}]]) {
      const stream = await listen(worker, path, { ...headers('acme'), ...more });
      const frames = await eventually(() => stream.frames(), ({ length }) => length >= 2, 'what was missed');
      assert.deepEqual(frames.map(({ id }) => id), ['4', '5'], path);
      stream.close();
      checked += 1;
    }
  });

  await t.test('say where the log no longer reaches', async () => {
    await worker.sql('acme', 'DELETE FROM events WHERE seq <= 3');
    const stream = await listen(worker, '/v1/events?last_event_id=1', headers('acme'));
    const frames = await eventually(() => stream.frames(), ({ length }) => length >= 3, 'the reset');
    assert.deepEqual(frames.map(({ id, event }) => [id, event]), [[undefined, 'reset'], ['4', 'flag.created'], ['5', 'flag.created']]);
    assert.equal(frames[0].data.from, 4);
    stream.close();
    checked += 1;
  });

  await t.test('filter by type', async () => {
    const stream = await listen(worker, '/v1/events?types=segment.*', headers('acme'));
    await write('f6');
    await worker.v1('acme', 'POST', '/v1/segments', { key: 's', name: 's', conditions: { attr: 'a', op: 'exists', value: true } });
    const frames = await eventually(() => stream.frames(), ({ length }) => length >= 1, 'the event');
    assert.deepEqual(frames.map(({ event }) => event), ['segment.created']);
    stream.close();
    checked += 1;
  });

  await t.test('end with the object, and go on from the last id that was seen', async () => {
    const stream = await listen(worker, '/v1/events?types=flag.*', headers('acme'));
    await write('g1');
    const [{ id }] = await eventually(() => stream.frames(), ({ length }) => length === 1, 'the event before');
    await worker.evict('acme');
    // The client is not left with a stream that nobody writes to.
    await Promise.race([stream.ended, sleep(5_000).then(() => assert.fail('the stream stands open'))]);
    await write('g2');
    const again = await listen(worker, '/v1/events?types=flag.*', { ...headers('acme'), 'Last-Event-ID': id });
    await write('g3');
    const frames = await eventually(() => again.frames(), ({ length }) => length >= 2, 'what was missed, and what is new');
    assert.deepEqual(frames.map(({ data }) => data.subject), ['flags/g2', 'flags/g3']);
    again.close();
    checked += 1;
  });

  await t.test('are refused to whom they are not for', async () => {
    assert.equal((await listen(worker, '/v1/events', { 'X-Tenant-ID': 'acme' })).response.status, 401);
    assert.equal((await listen(worker, '/v1/events', headers('acme', { tenants: ['other'] }))).response.status, 403);
    assert.equal((await listen(worker, '/v1/events?last_event_id=x', headers('acme'))).response.status, 400);
    const other = await listen(worker, '/v1/events?last_event_id=0', headers('other'));
    await write('f7');
    await sleep(300);
    assert.deepEqual(other.frames(), []);
    other.close();
    checked += 1;
  });

  await t.test('of OFREP tell of new versions alone, with the token of the bulk answer', async () => {
    const { body } = await worker.v1('acme', 'POST', '/ofrep/v1/evaluate/flags', { context: { targetingKey: 'u' } });
    const url = new URL(body.eventStreams[0].url);
    const stream = await listen(worker, url.pathname + url.search);
    assert.equal(stream.response.status, 200, stream.text);
    const answer = await write('f8');
    const version = answer.response.headers.get('X-Burgee-Version');
    const frames = await eventually(() => stream.frames(), ({ length }) => length >= 1, 'the version');
    assert.deepEqual([frames[0].event, frames[0].data.type], ['message', 'refetchEvaluation']);
    assert.equal(frames[0].data.etag, `"${version}"`);
    stream.close();
    assert.equal((await listen(worker, '/v1/events' + url.search, headers('acme', { aud: 'burgee-events' }))).response.status, 401);
    checked += 1;
  });

  await t.test('say every fifteen seconds that they stand, and feed on after a rest', { timeout: 60_000 }, async () => {
    const stream = await listen(worker, '/v1/events', headers('acme'));
    const beats = () => stream.text.split('\n\n').filter((frame) => frame.startsWith(':')).length;
    assert.equal(await eventually(beats, (n) => n === 1, 'the first bytes'), 1);
    // Nothing is asked of the object meanwhile: after ten seconds the platform may put it to rest, with its socket open.
    const began = Date.now();
    await eventually(beats, (n) => n === 2, 'the heartbeat', 20_000);
    const took = Date.now() - began;
    assert.ok(took > 13_000 && took < 17_000, `${took} ms`);
    await write('rested');
    const frames = await eventually(() => stream.frames(), ({ length }) => length >= 1, 'the event after the rest');
    assert.deepEqual(frames.map(({ data }) => data.subject), ['flags/rested']);
    stream.close();
    checked += 1;
  });

  await t.test('leave no socket behind', async () => {
    // A client that is gone shows when something is written to it: the heartbeat at the latest.
    await eventually(() => sockets(worker, 'acme'), (n) => n === 0, 'the end of all sockets', 40_000);
    checked += 1;
  });
  assert.equal(checked, 10);
});

/** A receiver of webhooks: it answers with the statuses that it is given, and then with 200. */
async function receiver(t, statuses = []) {
  const received = [];
  let held = Promise.resolve();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text)).on('end', async () => {
      received.push({ headers: request.headers, body });
      await held;
      response.writeHead(statuses.shift() ?? 200, { Location: '/elsewhere' }).end('ignored');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { received, host: `127.0.0.1:${server.address().port}`, answer: (...next) => statuses.push(...next), hold };

  /** From now on nothing is answered, until the function that this gives is called. */
  function hold() {
    let release;
    held = new Promise((resolve) => (release = resolve));
    return release;
  }
}

function verify(secret, { headers: sent, body }) {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${sent['webhook-id']}.${sent['webhook-timestamp']}.${body}`).digest('base64');
  assert.ok(sent['webhook-signature'].split(' ').includes(`v1,${signature}`), sent['webhook-signature']);
}

test('webhooks', async (t) => {
  const hook = await receiver(t, [500, 302]);
  const worker = await startWorker(t, { vars: { FF_TEST_CLOCK: '1', FF_WEBHOOK_HOSTS: hook.host } });
  const made = await worker.v1('acme', 'POST', '/v1/webhooks', { url: `http://${hook.host}/in`, types: ['flag.*'] });
  assert.equal(made.status, 201, made.text);
  const { id, secret } = made.body;
  const deliveries = async () => (await worker.v1('acme', 'GET', `/v1/webhooks/${id}/deliveries`)).body.items;
  /** Runs the alarm as of a time when what waits is due, until there are so many attempts. */
  const attempt = async (number) => {
    const seen = hook.received.length;
    await worker.alarm('acme', Date.now() + 3_600_000);
    await eventually(() => hook.received.length, (length) => length > seen, `attempt ${number}`, 10_000);
  };

  await t.test('one is delivered after two failures, signed, with one id', async () => {
    await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
    await eventually(() => hook.received.length, (length) => length === 1, 'the first attempt', 10_000);
    for (const attempts of [1, 2]) {
      await eventually(async () => (await deliveries())[0], ({ attempts: noted }) => noted === attempts, 'the note');
      await attempt(attempts + 1);
    }
    const delivered = await eventually(async () => (await deliveries())[0], ({ status }) => status === 'delivered', 'the end');
    assert.equal(delivered.attempts, 3);
    assert.equal(hook.received.length, 3, 'redirects are not followed');
    assert.equal(new Set(hook.received.map(({ headers: sent }) => sent['webhook-id'])).size, 1);
    for (const request of hook.received) verify(secret, request);
    assert.equal(JSON.parse(hook.received[0].body).type, 'flag.created');
  });

  await t.test('what fails eight times is dead, and is delivered when asked for again', async () => {
    hook.answer(...Array.from({ length: 8 }, () => 503));
    const before = hook.received.length;
    await worker.v1('acme', 'PATCH', '/v1/flags/f', { description: 'x' });
    await eventually(() => hook.received.length, (length) => length === before + 1, 'the first attempt', 10_000);
    for (let attempts = 1; attempts < 8; attempts += 1) {
      await eventually(async () => (await deliveries())[0], ({ attempts: noted }) => noted === attempts, `note ${attempts}`);
      await attempt(attempts + 1);
    }
    const dead = await eventually(async () => (await deliveries())[0], ({ status }) => status === 'dead', 'the end');
    assert.equal(dead.attempts, 8);
    await worker.alarm('acme', Date.now() + 7_200_000);
    await sleep(1_500);
    assert.equal(hook.received.length, before + 8, 'the dead are left alone');
    const again = await worker.v1('acme', 'POST', `/v1/webhooks/${id}/deliveries/${dead.id}/redeliver`);
    assert.ok(again.status < 300, again.text);
    await eventually(async () => (await deliveries())[0], ({ status }) => status === 'delivered', 'the redelivery', 10_000);
    assert.equal(hook.received.length, before + 9);
  });

  await t.test('while an attempt is under way no other begins, and one that is lost is made again', async () => {
    const queue = await worker.miniflare.getQueueProducer('WEBHOOKS', 'burgee-objects');
    const { fetch: ask } = await worker.miniflare.getWorker('burgee-objects');
    /** As the queue's consumer begins an attempt: its number, null where there is none to be made. */
    const begin = async (id) => {
      const response = await ask(`http://direct/acme/delivery?id=${id}`);
      return response.status === 200 ? (await response.json()).attempt : null;
    };
    const release = hook.hold();
    const before = hook.received.length;
    await worker.v1('acme', 'PATCH', '/v1/flags/f', { description: 'slow' });
    await eventually(() => hook.received.length, (length) => length === before + 1, 'the first attempt', 10_000);
    const began = Date.now();
    const [{ id: delivery }] = await deliveries();
    // The queue may bring a message more than once, and the alarm may go off meanwhile.
    for (let n = 0; n < 3; n += 1) await queue.send({ tenant: 'acme', delivery });
    assert.equal(await begin(delivery), null);
    await worker.alarm('acme', began + 50_000);
    assert.equal(await begin(delivery), null);
    // As where the attempt's end is never heard of: its time passes, and it is made again as the same, once.
    await worker.alarm('acme', began + 61_000);
    assert.deepEqual([await begin(delivery), await begin(delivery)], [1, null]);
    release();
    const delivered = await eventually(async () => (await deliveries())[0], ({ status }) => status === 'delivered', 'the end', 10_000);
    assert.deepEqual([delivered.id, delivered.attempts], [delivery, 1]);
    await sleep(2_500);
    assert.equal(hook.received.length, before + 1, 'none of the other messages led to the receiver');
  });

  await t.test('what has ended is kept for thirty days after that, however old it is', async () => {
    const DAY = 86_400_000;
    const [{ id: delivery }] = await deliveries();
    const is = async (ago) => {
      const at = (days) => Date.now() - days * DAY;
      const set = `created_at = ${at(40)}, ended_at = ${at(ago)}, document = json_set(document, '$.created_at', ${at(40)}, '$.ended_at', ${at(ago)})`;
      await worker.sql('acme', `UPDATE deliveries SET ${set} WHERE id = '${delivery}'`);
      await worker.alarm('acme');
      return (await deliveries()).some(({ id: known }) => known === delivery);
    };
    assert.deepEqual([await is(29), await is(31)], [true, false]);
  });

  await t.test('who says that he is gone is asked no more', async () => {
    hook.answer(410);
    await worker.v1('acme', 'PATCH', '/v1/flags/f', { description: 'y' });
    await eventually(async () => (await worker.v1('acme', 'GET', `/v1/webhooks/${id}`)).body.enabled, (enabled) => enabled === false, 'the end', 10_000);
    const lines = worker.logs.filter((line) => line.includes(secret) || line.includes(secret.slice(6)));
    assert.deepEqual(lines, [], 'no line shows the secret');
  });
});

test('what the queue gives up is sent by the alarm', async (t) => {
  const hook = await receiver(t);
  const dead = (main) => [{
    name: 'dead-letters', compatibilityDate: main.compatibilityDate, kvNamespaces: { LETTERS: 'letters' },
    modules: [{ type: 'ESModule', path: 'dead-letters.mjs', contents: `export default {
      async queue(batch, env) { for (const { id, body } of batch.messages) await env.LETTERS.put(id, JSON.stringify(body)); },
    }` }],
    consumes: { 'burgee-webhooks-dead': { maxBatchTimeout: 0 } },
  }];
  const worker = await startWorker(t, { vars: { FF_TEST_CLOCK: '1', FF_WEBHOOK_HOSTS: hook.host }, gate: 'objects', others: dead });
  const { id } = (await worker.v1('acme', 'POST', '/v1/webhooks', { url: `http://${hook.host}/in`, types: ['flag.*'] })).body;
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag('f'))).status, 201);
  // The consumer cannot ask the object: each try fails before the receiver is asked, until the queue gives up.
  await worker.setObjects('failing');
  const letters = await worker.miniflare.getKVNamespace('LETTERS', 'dead-letters');
  const { keys } = await eventually(() => letters.list(), ({ keys: found }) => found.length > 0, 'the dead letter', 40_000);
  const letter = JSON.parse(await letters.get(keys[0].name));
  assert.equal(letter.tenant, 'acme');
  const failures = worker.lines().filter(({ message }) => message === 'a message failed');
  assert.equal(failures.length, 6, 'the first try and five more');
  assert.equal(hook.received.length, 0);
  await worker.setObjects('open');
  const waits = async () => (await worker.v1('acme', 'GET', `/v1/webhooks/${id}/deliveries`)).body.items[0];
  const row = await waits();
  assert.deepEqual([row.id, row.status, row.attempts], [letter.delivery, 'pending', 0]);
  await worker.alarm('acme', Date.now() + 299_000 - 60_000);
  await sleep(1_500);
  assert.equal(hook.received.length, 0, 'until its time has passed it is left to the queue');
  await worker.alarm('acme', Date.now() + 300_000);
  const delivered = await eventually(waits, ({ status }) => status === 'delivered', 'the delivery', 10_000);
  assert.deepEqual([delivered.attempts, hook.received.length, hook.received[0].headers['webhook-id']], [1, 1, letter.delivery]);
});

test('exposures are counted, a batch once', async (t) => {
  const worker = await startWorker(t);
  await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
  const batch = (id, count) => ({ id, exposures: Array.from({ length: count }, () => ({ flag: 'f', variant: 'on', flag_version: 1 })) });
  for (const body of [batch('b1', 3), batch('b1', 3), batch('b2', 2)]) {
    assert.equal((await worker.v1('acme', 'POST', '/v1/exposures', body)).status, 202);
  }
  const seen = () => worker.sql('acme', 'SELECT flag, variant, version, count FROM exposures');
  const rows = await eventually(seen, ([first]) => first?.count >= 5, 'the count', 15_000);
  assert.deepEqual(rows, [{ flag: 'f', variant: 'on', version: 1, count: 5 }]);
  assert.equal((await worker.v1('acme', 'GET', '/v1/flags/f/exposures')).status, 200);
  assert.equal((await worker.sql('acme', 'SELECT count(*) AS n FROM batches'))[0].n, 2);
});
