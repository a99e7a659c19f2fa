// The audit's boundary: every entry reaches a real sink, however long that one is down.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { eventually, startWorker } from './harness.mjs';

const flag = (key, more) => ({ key, type: 'boolean', state: 'on', ...more });
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const HOUR_MS = 3_600_000;

/** A sink that answers with a status; what it has taken is what it answered 2xx to. */
async function startSink(t) {
  const asked = [];
  const sink = { status: 200, asked, taken: () => asked.filter(({ status }) => status < 300).map(({ body }) => body.id) };
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (more) => (text += more)).on('end', () => {
      asked.push({ status: sink.status, headers: request.headers, text, body: JSON.parse(text) });
      response.writeHead(sink.status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  sink.url = `http://127.0.0.1:${server.address().port}/audit`;
  return sink;
}

test('entries reach a sink that is down for longer than the attempts', async (t) => {
  const sink = await startSink(t);
  const vars = { FF_TEST_CLOCK: '1', FF_ALLOW_DEV_HEADERS: 'true', FF_AUDIT_SINK_URL: sink.url, FF_AUDIT_SINK_SECRET: SECRET };
  const worker = await startWorker(t, { vars });
  const listed = async (status = '') => (await worker.v1('acme', 'GET', `/v1/audit/sink${status && `?status=${status}`}`)).body.items;
  const all = (wanted, what) => eventually(listed, (items) => items.length > 0 && items.every(wanted), what, 15_000);
  let checked = 0;

  await t.test('an entry is told, signed, with its place in the chain', async () => {
    await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
    await all(({ sink_status: status }) => status === 'delivered', 'the first entry');
    const [{ headers, text, body }] = sink.asked;
    const [entry] = (await worker.v1('acme', 'GET', '/v1/audit')).body.items;
    const { seq, at, actor, action, entity, entity_key, request_id, hash, prev_hash } = entry;
    assert.deepEqual(body, {
      ...{ envelope: 'admin.audit/1', id: `acme/${seq}`, at, actor, action, entity, entity_key, tenant: 'acme' },
      ...{ request_id, hash, prev_hash, sink_status: 'pending' },
    });
    assert.equal(headers['idempotency-key'], 'acme/1');
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
    const signature = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${signature}`);
    checked += 1;
  });

  await t.test('what it does not take waits, and is listed', async () => {
    // 410 is no reason to stop either: the audit has no other sink.
    sink.status = 410;
    await worker.v1('acme', 'PATCH', '/v1/flags/f', { description: 'a' });
    await worker.v1('acme', 'PATCH', '/v1/flags/f', { description: 'b' });
    for (let attempts = 1; attempts <= 8; attempts += 1) {
      await all(({ sink_status: status, attempts: made }) => status === 'delivered' || made === attempts, `attempt ${attempts}`);
      sink.status = 503;
      if (attempts < 8) await worker.alarm('acme', Date.now() + HOUR_MS);
    }
    const waiting = await listed('waiting');
    assert.deepEqual(waiting.map(({ id, attempts, last_status: last }) => [id, attempts, last]), [['acme/3', 8, 503], ['acme/2', 8, 503]]);
    assert.deepEqual((await listed('delivered')).map(({ id }) => id), ['acme/1']);
    assert.deepEqual(sink.taken(), ['acme/1']);
    checked += 1;
  });

  await t.test('it is tried again each hour, for as long as it takes', async () => {
    for (let attempts = 9; attempts <= 10; attempts += 1) {
      await worker.alarm('acme', Date.now() + HOUR_MS + 60_000);
      await all(({ sink_status: status, attempts: made }) => status === 'delivered' || (made === attempts && status === 'waiting'), `attempt ${attempts}`);
    }
    // Past the time for which ended deliveries are kept: what waits is not forgotten.
    await worker.alarm('acme', Date.now() + 31 * 24 * HOUR_MS);
    await all(({ attempts: made, sink_status: status }) => made === 11 && status === 'waiting', 'a month later');
    assert.deepEqual((await listed()).map(({ id }) => id), ['acme/3', 'acme/2'], 'the delivered one is forgotten');
    checked += 1;
  });

  await t.test('when it is back, all of it arrives, when asked or by itself', async () => {
    sink.status = 200;
    const retried = await worker.v1('acme', 'POST', '/v1/audit/sink/retry');
    assert.deepEqual([retried.status, retried.body], [202, { retried: 2 }]);
    await eventually(() => sink.taken(), (taken) => taken.length >= 4, 'what waited, and the entry of the retry', 15_000);
    assert.deepEqual([...new Set(sink.taken())].sort(), ['acme/1', 'acme/2', 'acme/3', 'acme/4']);
    // Asked again: the same id, the same content.
    for (const id of ['acme/2', 'acme/3']) {
      const copies = sink.asked.filter(({ body }) => body.id === id);
      assert.ok(copies.length >= 12, `${id}: ${copies.length}`);
      assert.deepEqual([...new Set(copies.map(({ headers }) => headers['idempotency-key']))], [id]);
      assert.equal(new Set(copies.map(({ text }) => text)).size, 1);
    }
    await all(({ sink_status: status }) => status === 'delivered', 'the notes');
    assert.deepEqual((await worker.v1('acme', 'POST', '/v1/audit/sink/retry')).body, { retried: 0 });
    sink.status = 503;
    await worker.v1('acme', 'PATCH', '/v1/flags/f', { description: 'c' });
    for (let attempts = 1; attempts <= 8; attempts += 1) {
      await all(({ sink_status: status, attempts: made }) => status === 'delivered' || made === attempts, `attempt ${attempts}`);
      if (attempts < 8) await worker.alarm('acme', Date.now() + HOUR_MS);
    }
    sink.status = 200;
    await worker.alarm('acme', Date.now() + HOUR_MS + 60_000);
    await eventually(() => sink.taken().includes('acme/5'), Boolean, 'the hourly one', 15_000);
    assert.deepEqual(worker.logs.filter((line) => line.includes(SECRET)), []);
    checked += 1;
  });
  assert.equal(checked, 4);
});

test('a sink that comes later is told the whole history', async (t) => {
  const sink = await startSink(t);
  const vars = { FF_TEST_CLOCK: '1', FF_ALLOW_DEV_HEADERS: 'true', FF_AUDIT_SINK_URL: sink.url };
  const worker = await startWorker(t, { vars });
  const count = 230;
  for (let n = 0; n < count; n += 1) assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag(`f${n}`))).status, 201);
  await eventually(() => new Set(sink.taken()).size, (size) => size === count, 'all of them', 60_000);
  await worker.sql('acme', 'UPDATE tenant SET sink_seq = 0', 'DELETE FROM deliveries');
  sink.asked.length = 0;
  await worker.alarm('acme');
  await eventually(() => new Set(sink.taken()).size, (size) => size === count, 'all of them again, more than a tick takes', 60_000);
  assert.ok(sink.asked.every(({ headers }) => headers['webhook-signature'] === undefined), 'without a secret nothing is signed');
});
