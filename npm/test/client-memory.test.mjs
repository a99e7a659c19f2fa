// The evaluator's memory never shrinks, so what a client leaves in it is there for good: nothing is left to garbage collection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { URL, load, server } from './support/client.mjs';

const [FF, { createClient }] = await load('.', './client');

const document = (version) => ({
  version,
  flags: Array.from({ length: 40 }, (_, i) => ({
    key: `flag.${i}`,
    rules: [{ id: 'r', when: { attr: 'country', op: 'in', values: ['CA', `x${version % 7}`] }, serve: { variant: 'on' } }],
  })),
});

/** Does something so often, and again: the second time must not need more memory. */
async function steady(times, run) {
  const round = async () => {
    for (let i = 0; i < times; i++) await run(i);
  };
  await round();
  const settled = FF.__memoryBytes();
  await round();
  assert.equal(FF.__memoryBytes() - settled, 0, `grew from ${settled} bytes`);
}

test('memory stays as it is over 2,000 new snapshots', async () => {
  let version = 0;
  const { fetch } = server(() => ({ body: document(++version), etag: `"${version}"` }));
  const client = createClient({ url: URL, storage: null, fetch, onChange: () => {} });
  await client.refresh();
  const context = client.snapshot.context({ country: 'CA' });
  await steady(1_000, async (i) => {
    await client.refresh();
    assert.equal(client.boolean(`flag.${i % 40}`, false, i % 2 ? context : { country: 'x3' }), true);
  });
  assert.equal(client.snapshot.version, 2_001);
  client.close();
});

test('memory stays as it is over 2,000 refused snapshots', async () => {
  const good = JSON.stringify(document(1));
  let asked = 0;
  const { fetch } = server(() => ({ body: asked++ === 0 ? good : good.slice(0, -asked % 900 || -1) }));
  const client = createClient({ url: URL, storage: null, fetch });
  await client.refresh();
  await steady(1_000, () => assert.rejects(client.refresh(), { code: 'invalid_json' }));
  client.close();
});

test('memory stays as it is over 2,000 clients that were closed', async () => {
  await steady(1_000, (i) => {
    const client = createClient(i % 2 ? { snapshot: document(i) } : { url: URL, storage: null, bootstrap: document(i), fetch: () => new Promise(() => {}) });
    client.evaluateAll({ country: 'CA' });
    client.close();
  });
});
