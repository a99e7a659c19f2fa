// The steps of `evaluation_v2.feature` and `metadata.feature`.

import assert from 'node:assert/strict';

/** A text of a scenario as a value of a kind. */
export function valueOf(kind, text) {
  switch (kind) {
    case 'boolean':
      assert.match(text, /^(true|false)$/);
      return text === 'true';
    case 'integer':
    case 'float':
      return Number(text);
    case 'object':
      return JSON.parse(text);
    default:
      return text;
  }
}

/** Evaluates the scenario's flag, and keeps the details. */
export async function evaluate(world, options) {
  const { kind, key, fallback, context } = world;
  world.details = await world.sdk.details(world, kind, key, fallback, context, options);
}

const note = (world, name) => ({
  before: () => void world.ran.push(`${name} before`),
  after: () => void world.ran.push(`${name} after`),
  finally: () => void world.ran.push(`${name} finally`),
});

export const evaluationSteps = [
  [
    /^an? ([Bb]oolean|[Ss]tring|[Ii]nteger|[Ff]loat|[Oo]bject)-flag with key "([^"]*)" and a fallback value "(.*)"$/,
    (world, kind, key, fallback) => {
      world.kind = kind.toLowerCase();
      world.key = key;
      world.fallback = valueOf(world.kind, fallback.replaceAll('\\"', '"'));
    },
  ],
  [
    'a context containing a key {string}, with type {string} and with value {string}',
    (world, key, kind, value) => {
      world.context = { ...world.context, [key]: valueOf(kind.toLowerCase(), value) };
    },
  ],
  [
    'a context containing a key {string} with null value',
    (world, key) => {
      world.context = { ...world.context, [key]: null };
    },
  ],
  ['the flag was evaluated with details', (world) => evaluate(world)],
  ['the resolved details value should be {string}', (world, value) => assert.deepEqual(world.details.value, valueOf(world.kind, value))],
  ['the reason should be {string}', (world, reason) => assert.equal(world.details.reason, reason)],
  ['the error-code should be {string}', (world, code) => assert.equal(world.details.errorCode, code)],
  ['the flag key should be {string}', (world, key) => assert.equal(world.details.flagKey, key)],
  ['the variant should be {string}', (world, variant) => assert.equal(world.details.variant, variant)],

  [
    'the resolved metadata should contain',
    (world, [, ...rows]) => {
      assert.ok(rows.length > 0);
      for (const [key, kind, value] of rows) assert.equal(world.details.flagMetadata[key], valueOf(kind.toLowerCase(), value), key);
    },
  ],
  ['the resolved metadata is empty', (world) => assert.deepEqual(world.details.flagMetadata, {})],

  [
    'evaluation options containing specific hooks',
    (world) => {
      world.ran = [];
      world.options = { hooks: [note(world, 'first'), note(world, 'second')] };
    },
  ],
  ['the flag was evaluated with details using the evaluation options', (world) => evaluate(world, world.options)],
  ['the specified hooks should execute during evaluation', (world) => assert.equal(world.ran.length, 6)],
  [
    'the hook order should be maintained',
    (world) => {
      const backwards = ['second', 'first'];
      assert.deepEqual(world.ran, [
        'first before',
        'second before',
        ...backwards.map((name) => `${name} after`),
        ...backwards.map((name) => `${name} finally`),
      ]);
    },
  ],

  [
    'an evaluation context with modifiable data',
    (world) => {
      world.context = { email: 'ballmer@macrosoft.com', groups: ['a', { name: 'b' }], since: new Date(0) };
      world.before = structuredClone(world.context);
    },
  ],
  ['the original evaluation context should remain unmodified', (world) => assert.deepEqual(world.context, world.before)],
  [
    'the evaluation details should be immutable',
    async (world) => {
      // What is shared between evaluations cannot be written to, and what can be is not shared.
      const { details } = world;
      assert.ok(Object.isFrozen(details.flagMetadata));
      Object.assign(details, { value: 'changed', variant: 'changed' });
      await evaluate(world);
      assert.deepEqual([world.details.value, world.details.variant], [true, 'on']);
    },
  ],

  [
    'the flag was evaluated with details asynchronously',
    async (world) => {
      world.order = [];
      const evaluated = evaluate(world).then(() => world.order.push('evaluated'));
      world.order.push('went on');
      await evaluated;
    },
  ],
  ['the evaluation should complete without blocking', (world) => assert.deepEqual(world.order, ['went on', 'evaluated'])],
];
