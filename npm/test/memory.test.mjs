// The evaluator's memory never shrinks, so what leaks in it leaks for good. Nothing here is left to garbage collection, which
// does not run a finalizer while a caller's loop runs; what is left to it has a test of its own at the end.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { IN, KEYS, OUT, registry } from './cases/registry.mjs';
import { project } from './support/project.mjs';

const CALLS = 50_000;
const CHANGES = 500;

const program = readFileSync(new URL('programs/finalizers.mjs', import.meta.url));
const { node, fresh } = project({ 'finalizers.mjs': program });

const snapshotOf = (FF) => new FF.Snapshot(registry());
const user = (i) => ({ user_id: `U-${i}`, tenant_id: 'T-1', tier: i % 2 ? 'staff' : 'free', env: 'prod', plan: ['a', i] });
const key = (i) => KEYS[i % KEYS.length];
const attempt = (run) => assert.throws(run, { name: 'BurgeeError' });

/** So large that two of them are more than the drop-in functions keep. */
function largeRegistry() {
  const large = registry();
  for (let i = 0; i < 20; i++) large.flags.push({ key: `filler.${i}`, description: 'x'.repeat(40_000) });
  return large;
}

/** What is called, by name: `(FF) => (i) => …`, and how often, where it is slow. */
const SCENARIOS = {
  'handles': [(FF) => {
    const snapshot = snapshotOf(FF);
    const flags = KEYS.map((key) => snapshot.flag(key));
    const contexts = [snapshot.context(IN), snapshot.context(OUT)];
    return (i) => snapshot.evaluate(flags[i % flags.length], contexts[i % 2]);
  }],
  'fresh contexts': [(FF) => {
    const snapshot = snapshotOf(FF);
    return (i) => snapshot.evaluate(key(i), user(i));
  }],
  'contexts of all lengths': [(FF) => {
    const snapshot = snapshotOf(FF);
    return (i) => snapshot.evaluate('syn.staged_25', { user_id: 'x'.repeat((i * 997) % 20_000) });
  }, 5_000],
  'overrides': [(FF) => {
    const snapshot = snapshotOf(FF);
    return (i) => snapshot.evaluate(key(i), user(i), { overrides: { user: { [key(i)]: true }, tenant: { [key(i)]: 'on' } }, now: i });
  }],
  'unknown flags': [(FF) => {
    const snapshot = snapshotOf(FF);
    return (i) => snapshot.evaluate(`unknown.${i}`, IN);
  }],
  'explain': [(FF) => {
    const snapshot = snapshotOf(FF);
    return (i) => snapshot.explain(key(i), user(i));
  }],
  'evaluateAll': [(FF) => {
    const snapshot = snapshotOf(FF);
    const kept = snapshot.context(IN);
    return (i) => snapshot.evaluateAll(i % 2 ? kept : user(i));
  }],
  'drop-in, one registry': [(FF) => {
    const given = registry();
    return (i) => FF.evaluate(given, { key: key(i), context: user(i) });
  }],
  'drop-in, a batch': [(FF) => {
    const given = registry();
    return (i) => FF.evaluateBatch(given, { flags: KEYS, context: user(i) });
  }, 5_000],
  'drop-in, a registry that changes': [(FF) => {
    const given = registry();
    return (i) => {
      given.version = Math.floor(i / (CALLS / CHANGES));
      given.flags[0].state = given.version % 2 ? 'on' : 'off';
      return FF.evaluate(given, { key: key(i), context: user(i) });
    };
  }],
  'drop-in, a new registry each time': [(FF) => (i) => {
    FF.evaluate({ ...registry(), version: i }, { key: key(i), context: user(i) });
  }, 5_000],
  'drop-in, a new and large registry each time': [(FF) => {
    const large = largeRegistry();
    return (i) => FF.evaluate({ ...large, version: i }, { key: key(i), context: user(i) });
  }, 300],
  'drop-in, bytes': [(FF) => {
    const bytes = new TextEncoder().encode(JSON.stringify(registry()));
    return (i) => FF.evaluate(bytes, { key: key(i), context: user(i) });
  }, 5_000],
  'hashBucket': [(FF) => (i) => FF.hashBucket('y'.repeat(i % 3000))],
  'snapshots, made and freed': [(FF) => (i) => {
    const snapshot = snapshotOf(FF);
    snapshot.evaluate(key(i), user(i));
    snapshot.free();
  }, 2_000],
  'contexts, made and freed': [(FF) => {
    const snapshot = snapshotOf(FF);
    return (i) => {
      const context = snapshot.context(user(i));
      snapshot.evaluate(key(i), context);
      context.free();
    };
  }, 5_000],
  'a snapshot and its contexts, freed in either order': [(FF) => (i) => {
    const snapshot = snapshotOf(FF);
    const context = snapshot.context(user(i));
    snapshot.evaluateAll(context);
    for (const handle of i % 2 ? [snapshot, context] : [context, snapshot]) handle.free();
  }, 2_000],
  'refused documents': [(FF) => (i) => {
    attempt(() => new FF.Snapshot(i % 2 ? { flags: i } : `{"flags":[${'{"key":"a"},'.repeat(50)}`));
  }, 5_000],
  'refused requests': [(FF) => {
    const snapshot = snapshotOf(FF);
    return (i) => attempt(() => snapshot.evaluate(key(i), i % 2 ? IN : 'U-1', { now: i % 2 ? NaN : i }));
  }, 5_000],
};

for (const [name, [scenario, calls = CALLS]] of Object.entries(SCENARIOS)) {
  test(`memory stays as it is over ${calls} calls: ${name}`, async () => {
    const FF = await fresh();
    const call = scenario(FF);
    // Enough to reach each size that its buffers, and what is kept compiled, will have: the second half must not add to it.
    for (let i = 0; i < Math.ceil(calls / 2); i++) call(i);
    const settled = FF.__memoryBytes();
    for (let i = 0; i < calls; i++) call(i);
    assert.equal(FF.__memoryBytes() - settled, 0, `grew from ${settled} bytes`);
    assert.ok(settled < 32 * 1024 * 1024, `${settled} bytes are in use`);
  });
}

test('a large document or context leaves room for the next, and no more is asked for', async () => {
  const FF = await fresh();
  const large = JSON.stringify(largeRegistry());
  const long = 'z'.repeat(1_000_000);
  const use = () => {
    const snapshot = new FF.Snapshot(large);
    snapshot.evaluate('syn.staged_25', { user_id: long });
    snapshot.evaluate('syn.staged_25', snapshot.context({ user_id: long }));
    FF.hashBucket(long);
    snapshot.free();
  };
  use();
  await new Promise(setImmediate);
  const settled = FF.__memoryBytes();
  for (let i = 0; i < 3; i++) use();
  // The contexts of the later ones are not freed.
  assert.ok(FF.__memoryBytes() - settled <= 4 * long.length, `${FF.__memoryBytes() - settled} bytes more`);
});

test('what nobody freed is freed by garbage collection', async () => {
  assert.deepEqual(JSON.parse(await node(['--expose-gc', 'finalizers.mjs', 'unfreed'])), { grew: 0, heapGrewBy: 'little' });
});

test('what died with an instance harms no later one when it is collected', async () => {
  assert.deepEqual(JSON.parse(await node(['--expose-gc', 'finalizers.mjs', 'trap'])), {
    collected: 'all',
    answersChanged: 0,
    traps: 3,
  });
});
