// Rollouts by the alarm, at times that the test gives: what is taken late is taken once, and no ramp is steeper than it was meant.

import assert from 'node:assert/strict';
import test from 'node:test';
import { startWorker, temporaryFolder } from './harness.mjs';

const HOUR = 3_600_000;
const FLAG = { key: 'f', type: 'boolean', state: 'on', default_variant: 'off' };
const steps = [{ percentage: 10 }, { percentage: 50, after: '24h' }, { percentage: 100, after: '24h' }];

const rollout = async (worker) => (await worker.v1('acme', 'GET', '/v1/flags/f/rollout')).body;
const audit = async (worker) => (await worker.v1('acme', 'GET', '/v1/audit?entity=flag&limit=200')).body.items;

/** What share of a thousand users is served `on`. */
async function share(worker) {
  let on = 0;
  for (let from = 0; from < 1_000; from += 100) {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => worker.v1('acme', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id: `u${from + n}` } })),
    );
    on += answers.filter(({ body }) => body.value).length;
  }
  return on / 10;
}

test('a ramp that is run by the alarm, over a restart and missed alarms', async (t) => {
  const state = temporaryFolder(t);
  const vars = { FF_TEST_CLOCK: '1', FF_SOFT_TTL_MS: '0' };
  let worker = await startWorker(t, { state, vars });
  const start = Date.now() + 1e9;
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', FLAG, { at: start })).status, 201);
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags/f/rollout', { steps }, { at: start })).status, 201);
  const taken = async () => (await rollout(worker)).steps.map(({ status }) => status).join();
  let looked = 0;
  const expect = async (at, statuses) => {
    if (at !== null) assert.equal((await worker.alarm('acme', at)).status, 204);
    assert.equal(await taken(), statuses, String(at));
    looked += 1;
  };

  await expect(start, 'taken,waiting,waiting');
  const [, , ...some] = [0, 0, await share(worker)];
  assert.ok(some[0] > 6 && some[0] < 14, `${some[0]} %`);
  await expect(start + 24 * HOUR - 1, 'taken,waiting,waiting');
  await worker.stop();

  // Alarms were missed for ten days: one step is taken, and the next counts from now.
  worker = await startWorker(t, { state, vars });
  const late = start + 240 * HOUR;
  await expect(late, 'taken,taken,waiting');
  const half = await share(worker);
  assert.ok(half > 44 && half < 56, `${half} %`);
  await expect(late, 'taken,taken,waiting');
  await expect(late + 24 * HOUR - 1, 'taken,taken,waiting');
  await worker.evict('acme');
  await expect(late + 24 * HOUR, 'taken,taken,taken');
  assert.equal((await rollout(worker)).status, 'done');
  assert.equal(await share(worker), 100);

  // The alarm again and again changes nothing.
  const before = (await audit(worker)).length;
  for (let n = 1; n <= 3; n += 1) await worker.alarm('acme', late + (24 + n) * HOUR);
  const entries = await audit(worker);
  assert.equal(entries.length, before);
  assert.equal(entries.filter(({ actor }) => actor === 'burgee:rollout').length, 3, 'one entry for each step');
  assert.equal(looked, 6);
});

test('the switch that stops rollouts, and the kill switch of a category', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_CLOCK: '1' } });
  const start = Date.now() + 1e9;
  await worker.v1('acme', 'POST', '/v1/flags', { ...FLAG, default_variant: 'on', kill_switch: 'payments' }, { at: start });
  await worker.v1('acme', 'POST', '/v1/flags/f/rollout', { steps: [{ percentage: 10, after: '1h' }] }, { at: start });
  assert.equal((await worker.v1('acme', 'POST', '/v1/rollouts/stop', { reason: 'a test' })).status, 200);
  await worker.alarm('acme', start + 2 * HOUR);
  assert.equal((await rollout(worker)).waits_for, 'switch');
  assert.equal((await worker.v1('acme', 'POST', '/v1/rollouts/start', {})).status, 200);
  await worker.alarm('acme', start + 2 * HOUR);
  assert.equal((await rollout(worker)).status, 'done');

  const evaluate = async () => (await worker.v1('acme', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id: 'u' } })).body.value;
  assert.equal(await evaluate(), true);
  assert.equal((await worker.v1('acme', 'POST', '/v1/killswitches/payments/engage', { reason: 'fire' })).status, 200);
  assert.equal(await evaluate(), false);
  assert.equal((await worker.v1('acme', 'POST', '/v1/killswitches/payments/release', {})).status, 200);
  assert.equal(await evaluate(), true);

  // A flag that is made anew under the key has not the rollout of the old one.
  assert.equal((await worker.v1('acme', 'DELETE', '/v1/flags/f')).status, 204);
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', FLAG)).status, 201);
  assert.equal((await worker.v1('acme', 'GET', '/v1/flags/f/rollout')).status, 404);
});

test('the switch of whoever runs the objects stops all rollouts', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_CLOCK: '1', FF_ROLLOUTS: 'off' } });
  const start = Date.now() + 1e9;
  await worker.v1('acme', 'POST', '/v1/flags', FLAG, { at: start });
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags/f/rollout', { steps: [{ percentage: 10, after: '1h' }] }, { at: start })).status, 201);
  await worker.alarm('acme', start + 2 * HOUR);
  const { status, waits_for: waitsFor } = await rollout(worker);
  assert.deepEqual([status, waitsFor], ['running', 'switch']);
});
