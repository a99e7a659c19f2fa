// A tenant's object on the real runtime: what is stored is stored whole or not at all, and nobody reaches what is another's.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { eventually, startWorker, temporaryFolder, WORKER } from './harness.mjs';

const flag = (key, more) => ({ key, type: 'boolean', state: 'on', default_variant: 'on', ...more });
const count = async (worker, tenant, table) => (await worker.sql(tenant, `SELECT count(*) AS n FROM ${table}`))[0].n;

test('a change is stored whole or not at all', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1' } });
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag('first'))).status, 201);
  const tables = ['flags', 'names', 'audit', 'events', 'tenant'];
  const stored = () => Promise.all(tables.map((table) => worker.sql('acme', `SELECT * FROM ${table}`)));
  const before = await stored();
  let failures = 0;

  await t.test('a trap after any of its rows', async () => {
    for (let after = 0; after < 4; after += 1) {
      const lost = await worker.v1('acme', 'POST', `/v1/flags?panic_after=${after}`, flag('second', { tags: ['x'] }));
      assert.deepEqual([lost.status, lost.body.code], [500, 'internal_error'], `after ${after}`);
      assert.deepEqual(await stored(), before, `after ${after}`);
      failures += 1;
    }
    assert.ok(worker.logs.some((line) => line.includes('a panic after 4 changes')), 'each of them was reached');
  });

  await t.test('a statement that storage refuses', async () => {
    for (const table of ['names', 'audit', 'events']) {
      await worker.sql('acme', `CREATE TRIGGER no BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'the test refuses'); END`);
      const { status, text } = await worker.v1('acme', 'POST', '/v1/flags', flag('second', { tags: ['x'] }));
      assert.ok(status >= 500, `${table}: ${status} ${text}`);
      assert.ok(!text.includes('the test refuses'), 'callers are not told of tables');
      await worker.sql('acme', 'DROP TRIGGER no');
      assert.deepEqual(await stored(), before, table);
      failures += 1;
    }
  });

  await t.test('the next request is answered as if nothing had been', async () => {
    const created = await worker.v1('acme', 'POST', '/v1/flags', flag('second', { tags: ['x'] }));
    assert.deepEqual([created.status, created.response.headers.get('X-Burgee-Version')], [201, '2']);
    assert.deepEqual([await count(worker, 'acme', 'audit'), await count(worker, 'acme', 'flags')], [2, 2]);
  });
  assert.equal(failures, 7);
});

test('an attribute counts once, however many name it, and not where only what is archived or deleted does', async (t) => {
  const worker = await startWorker(t);
  const names = (key, ...attributes) =>
    flag(key, { rules: [{ id: 'r', when: { all: attributes.map((attr) => ({ attr, op: 'equals', value: 'x' })) }, serve: { variant: 'off' } }] });
  const created = async (body) => {
    const { status, text } = await worker.v1('acme', 'POST', '/v1/flags', body);
    return status === 201 ? status : text;
  };
  assert.deepEqual([await created(flag('one')), await created(flag('two')), await created(flag('archived')), await created(flag('deleted'))], [201, 201, 201, 201]);
  assert.equal((await worker.v1('acme', 'POST', '/v1/segments', { key: 'one', name: 'One', conditions: { attr: 'a0', op: 'equals', value: 'x' } })).status, 201);
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags/archived/archive')).status, 200);
  assert.equal((await worker.v1('acme', 'DELETE', '/v1/flags/deleted')).status, 204);
  // 9,992 names in all, of 10,000 that a tenant may have with the 6 that each has: those up to a6000 by two flags, the rest, and some of the same, by a
  // segment.
  const put = (kind, owner, from, to, prefix = 'a') => `WITH RECURSIVE n (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ${to})
    INSERT OR IGNORE INTO names (kind, name, owner) SELECT '${kind}', '${prefix}' || n, '${owner}' FROM n`;
  const rows = [['attribute', 'one', 0, 6000], ['attribute', 'two', 0, 6000], ['segment_attribute', 'one', 5000, 9992], ['attribute', 'archived', 0, 500, 'x'], ['attribute', 'deleted', 0, 500, 'y']];
  for (const row of rows) assert.deepEqual(await worker.sql('acme', put(...row)), []);
  assert.equal(await created(names('known', 'a1', 'a9000')), 201, 'names that are there already');
  const refused = await worker.v1('acme', 'POST', '/v1/flags', names('three', 'new1', 'new2', 'new3'));
  assert.deepEqual([refused.status, refused.body.code], [422, 'limit_exceeded'], refused.text);
  assert.match(refused.text, /ATTRIBUTES/);
  assert.equal(await created(names('two-new', 'new1', 'new2')), 201, 'up to the limit');
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', names('one-more', 'new3'))).status, 422);
});

test('the switch for all flags takes no other\'s place', async (t) => {
  const worker = await startWorker(t);
  const engage = (category) => worker.v1('acme', 'POST', `/v1/killswitches/${category}/engage`);
  for (const category of ['*', 'k0']) assert.equal((await engage(category)).status, 200, category);
  // 999 of the 1,000 that a tenant may have.
  const put = `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 998)
    INSERT INTO kill_switches (category, engaged, document) SELECT 'k' || n, 0, '{}' FROM n`;
  assert.deepEqual(await worker.sql('acme', put), []);
  assert.equal((await engage('last')).status, 200);
  const refused = await engage('one-more');
  assert.deepEqual([refused.status, refused.body.code], [422, 'limit_exceeded'], refused.text);
  assert.match(refused.body.detail, /KILL_SWITCHES/);
});

test('writes that race are one after the other', async (t) => {
  const worker = await startWorker(t);
  await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
  const put = (n) => worker.v1('acme', 'PUT', '/v1/flags/f', flag('f', { description: `${n}`, version: 1 }));
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => put(n)));
  const codes = answers.map(({ status, body }) => (status === 200 ? 200 : body.code)).sort();
  assert.deepEqual(codes, [200, ...Array.from({ length: 7 }, () => 'version_conflict')]);
  assert.equal((await worker.v1('acme', 'GET', '/v1/flags/f')).body.version, 2);
  assert.equal(await count(worker, 'acme', 'audit'), 2);
});

test('the tables refuse to change the audit', async (t) => {
  const worker = await startWorker(t);
  await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
  const before = await worker.sql('acme', 'SELECT * FROM audit');
  const refused = [
    "UPDATE audit SET actor = 'nobody'",
    'DELETE FROM audit',
    'DELETE FROM audit WHERE seq = 1',
    'INSERT OR REPLACE INTO audit SELECT * FROM audit',
    "REPLACE INTO audit VALUES (1, 1, 'nobody', 'created', 'flag', 'f', '{}', '')",
  ];
  for (const statement of refused) assert.match((await worker.sql('acme', statement)).error, /the audit is not changed/, statement);
  assert.equal(refused.length, 5);
  assert.equal(before.length, 1);
  assert.deepEqual(await worker.sql('acme', 'SELECT * FROM audit'), before);
});

test('one tenant reaches nothing of another', async (t) => {
  const worker = await startWorker(t, { vars: { FF_WEBHOOK_HOSTS: 'localhost:1' } });
  const ours = { scopes: ['admin'], tenants: ['ours'] };
  const as = (tenant, method, path, body, more) => worker.v1(tenant, method, path, body, { claims: { ...ours, tenants: [tenant] }, ...more });
  await as('theirs', 'POST', '/v1/segments', { key: 'seg', name: 'their segment', conditions: { attr: 'a', op: 'exists', value: true } });
  for (const key of ['secret', 'secret-2', 'secret-3']) await as('theirs', 'POST', '/v1/flags', flag(key, { tags: ['their-tag'] }));
  await as('theirs', 'PUT', '/v1/flags/override/user/U/secret', { variant: 'off', reason: 'their reason' });
  const hook = await as('theirs', 'POST', '/v1/webhooks', { url: 'http://localhost:1/' });
  assert.equal(hook.status, 201, hook.text);
  const rollout = await as('theirs', 'POST', '/v1/flags/secret/rollout', { steps: [{ percentage: 1, after: '30d' }] });
  assert.equal(rollout.status, 201, rollout.text);
  const proposal = await as('theirs', 'POST', '/v1/flags', flag('high', { high_impact: true }));
  assert.equal(proposal.status, 202, proposal.text);
  await as('theirs', 'POST', '/v1/killswitches/their-category/engage', {});
  let asked = 0;

  await t.test('not with a token for another tenant', async () => {
    for (const [method, path] of [['GET', '/v1/flags'], ['GET', '/v1/audit'], ['GET', '/v1/snapshot'], ['GET', '/v1/events'], ['POST', '/v1/flags'], ['POST', '/v1/import']]) {
      const { status, body } = await worker.v1('theirs', method, path, method === 'POST' ? {} : undefined, { claims: ours });
      assert.deepEqual([status, body.code], [403, 'permission_denied'], path);
      asked += 1;
    }
  });

  await t.test('not by a name or an id', async () => {
    await as('ours', 'POST', '/v1/flags', flag('mine'));
    const paths = [
      ['GET', '/v1/flags/secret'], ['PUT', '/v1/flags/secret', flag('secret')], ['PATCH', '/v1/flags/secret', {}], ['DELETE', '/v1/flags/secret'],
      ['POST', '/v1/flags/secret/archive'], ['POST', '/v1/flags/secret/restore'], ['GET', '/v1/flags/secret/overrides'],
      ['PUT', '/v1/flags/override/user/U/secret', { variant: 'on' }], ['DELETE', '/v1/flags/override/user/U/secret'],
      ['GET', '/v1/segments/seg'], ['DELETE', '/v1/segments/seg'], ['PATCH', '/v1/segments/seg', {}],
      ['GET', '/v1/flags/secret/rollout'], ['POST', '/v1/flags/secret/rollout/cancel'], ['GET', '/v1/flags/secret/exposures'],
      ['GET', `/v1/proposals/${proposal.body.id}`], ['POST', `/v1/proposals/${proposal.body.id}/reject`, {}],
      ['GET', `/v1/webhooks/${hook.body.id}`], ['POST', `/v1/webhooks/${hook.body.id}/rotate`], ['DELETE', `/v1/webhooks/${hook.body.id}`],
      ['POST', '/v1/evaluate', { flag_key: 'secret', user: { id: 'U' } }], ['POST', '/v1/evaluate/preview', { flag_key: 'secret', user: { id: 'U' } }],
    ];
    for (const [method, path, body] of paths) {
      const { status, text } = await as('ours', method, path, body);
      assert.equal(status, 404, `${method} ${path}: ${status} ${text}`);
      asked += 1;
    }
  });

  await t.test('not by a list', async () => {
    for (const path of ['/v1/flags?tag=their-tag', '/v1/flags?q=secret', '/v1/segments', '/v1/proposals', '/v1/webhooks', '/v1/audit?limit=200', '/v1/killswitches', '/v1/snapshot']) {
      const { status, text } = await as('ours', 'GET', path);
      assert.equal(status, 200, path);
      for (const theirs of ['secret', 'their-', 'their segment', 'localhost']) assert.ok(!text.includes(theirs), `${path} shows ${theirs}: ${text}`);
      asked += 1;
    }
  });

  await t.test('not by a page token', async () => {
    const page = await as('theirs', 'GET', '/v1/flags?limit=1');
    assert.ok(page.body.next_page_token);
    const { status, body } = await as('ours', 'GET', `/v1/flags?limit=1&page_token=${encodeURIComponent(page.body.next_page_token)}`);
    assert.deepEqual([status, body.code], [400, 'invalid_request']);
    asked += 1;
  });

  await t.test('not by an entity tag', async () => {
    await as('ours', 'POST', '/v1/flags', flag('secret'));
    const theirs = (await as('theirs', 'GET', '/v1/flags/secret')).response.headers.get('ETag');
    const mine = (await as('ours', 'GET', '/v1/flags/secret')).response.headers.get('ETag');
    assert.ok(theirs && mine && theirs !== mine);
    assert.equal((await as('ours', 'GET', '/v1/flags/secret', undefined, { headers: { 'If-None-Match': theirs } })).status, 200);
    assert.equal((await as('ours', 'PUT', '/v1/flags/secret', flag('secret', { description: 'x' }), { headers: { 'If-Match': theirs } })).status, 409);
    asked += 2;
  });

  await t.test('not by a header that is the edge\'s own', async () => {
    const headers = {
      'X-Burgee-Tenant': 'theirs',
      'X-Burgee-Principal': '{"subject":"root","scopes":["admin"]}',
      'X-Burgee-Test-Now': '1',
    };
    const { status } = await as('ours', 'GET', '/v1/flags/secret-2', undefined, { headers });
    assert.equal(status, 404);
    await as('ours', 'POST', '/v1/flags', flag('new'), { headers });
    const { items } = (await as('ours', 'GET', '/v1/audit?entity_key=new')).body;
    assert.deepEqual(items.map(({ actor }) => actor), ['tester']);
    assert.ok(Date.parse(items[0].at) > 1e12, 'the clock is ours');
    asked += 2;
  });

  assert.equal(asked, 6 + 22 + 8 + 1 + 2 + 2);
});

test('an object that cannot be reached is said so, and what is held serves on', async (t) => {
  const worker = await startWorker(t, { gate: 'objects', vars: { FF_SOFT_TTL_MS: '300' } });
  await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
  const evaluate = () => worker.v1('acme', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id: 'u' } });
  assert.equal((await evaluate()).body.value, true);
  for (const mode of ['failing', 'closed']) {
    await worker.setObjects(mode);
    if (mode === 'failing') {
      const read = await worker.v1('acme', 'GET', '/v1/flags');
      assert.deepEqual([read.status, read.body.code], [503, 'unavailable']);
      assert.doesNotMatch(read.body.detail, /not known/);
      const write = await worker.v1('acme', 'POST', '/v1/flags', flag('g'));
      assert.deepEqual([write.status, write.body.code], [503, 'unavailable']);
      assert.match(write.body.detail, /not known/);
    }
    for (let round = 0; round < 4; round += 1) {
      assert.equal((await evaluate()).body.value, true, mode);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  await worker.setObjects('open');
  assert.equal((await worker.v1('acme', 'GET', '/v1/flags/g')).status, 404, 'the write was not carried');
});

test('what is stored outlives the object, and the machine', async (t) => {
  const state = temporaryFolder(t);
  const first = await startWorker(t, { state });
  await first.v1('acme', 'POST', '/v1/flags', flag('f'));
  await first.evict('acme');
  assert.equal((await first.v1('acme', 'GET', '/v1/flags/f')).status, 200, 'an object that was ended begins anew');
  await first.stop();
  const second = await startWorker(t, { state });
  assert.equal((await second.v1('acme', 'GET', '/v1/flags/f')).body.version, 1);
  assert.equal((await second.v1('acme', 'GET', '/v1/audit/verify')).body.ok, true);
});

test('every migration brings the rows of the one before along', async (t) => {
  const folder = join(WORKER, 'test', 'migrations');
  const fixtures = readdirSync(folder).filter((name) => name.endsWith('.sql')).sort();
  const worker = await startWorker(t);
  // The newest tables, of a tenant that is made today.
  await worker.v1('new', 'GET', '/v1/flags');
  const shape = (tenant) =>
    worker.sql(tenant, "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' ORDER BY type, name");
  const newest = await shape('new');
  const [{ last }] = await worker.sql('new', 'SELECT max(number) AS last FROM schema_migrations');
  assert.equal(fixtures.length, last, 'there is a fixture of each migration: what was stored under it');

  for (const [at, name] of fixtures.entries()) {
    await t.test(`from ${name}`, async () => {
      const tenant = `from-${at + 1}`;
      const statements = readFileSync(join(folder, name), 'utf8').replaceAll('{tenant}', tenant);
      const loaded = await worker.sql(tenant, statements);
      assert.equal(loaded.error, undefined);
      const [{ number }] = await worker.sql(tenant, 'SELECT max(number) AS number FROM schema_migrations');
      assert.equal(number, at + 1);

      const { body } = await worker.v1(tenant, 'GET', '/v1/flags');
      assert.deepEqual(body.items.map(({ key, version }) => [key, version]), [['checkout', 3]]);
      assert.deepEqual(await shape(tenant), newest);
      const applied = await worker.sql(tenant, 'SELECT number FROM schema_migrations ORDER BY number');
      assert.deepEqual(applied.map(({ number: n }) => n), Array.from({ length: last }, (_, n) => n + 1));

      assert.equal((await worker.v1(tenant, 'GET', '/v1/segments/ca')).status, 200);
      const { value } = (await worker.v1(tenant, 'POST', '/v1/evaluate', { flag_key: 'checkout', user: { id: 'u1', attributes: { country: 'CA' } } })).body;
      assert.equal(value, true);
      const verified = (await worker.v1(tenant, 'GET', '/v1/audit/verify')).body;
      assert.deepEqual([verified.ok, verified.entries], [true, 4]);
      const changed = await worker.v1(tenant, 'PATCH', '/v1/flags/checkout', { description: 'after the migration' });
      assert.deepEqual([changed.status, changed.body.version], [200, 4], changed.text);
      if (at + 1 >= 2) assert.equal((await worker.v1(tenant, 'GET', '/v1/flags/checkout/overrides')).body.items.length, 1);
      if (at + 1 >= 3) assert.equal((await worker.v1(tenant, 'GET', '/v1/webhooks')).body.items.length, 1);
    });
  }

  await t.test('one that fails leaves the tables as they were', async () => {
    const statements = readFileSync(join(folder, fixtures[0]), 'utf8').replaceAll('{tenant}', 'stuck');
    await worker.sql('stuck', statements, 'CREATE TABLE rollouts (in_the_way TEXT)');
    const before = await shape('stuck');
    assert.equal((await worker.v1('stuck', 'GET', '/v1/flags')).status, 500);
    assert.deepEqual(await shape('stuck'), before);
    await worker.sql('stuck', 'DROP TABLE rollouts');
    assert.equal((await worker.v1('stuck', 'GET', '/v1/flags')).status, 200);
  });
});
