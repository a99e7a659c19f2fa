// The steps of `evaluation.feature`, the older wording.

import assert from 'node:assert/strict';
import { valueOf } from './evaluation.mjs';

async function evaluate(world, kind, key, fallback) {
  Object.assign(world, { kind, key, fallback });
  world.details = await world.sdk.details(world, kind, key, fallback, world.context);
}

/** A value of a step: in quotes it is a text, and else a number. */
const read = (kind, given) => (typeof given === 'string' ? valueOf(kind, given) : given);

const checkDetails = (world, kind, value, variant, reason) => {
  assert.deepEqual([world.details.value, world.details.variant, world.details.reason], [read(kind, value), variant, reason]);
};

const checkFields = (world, ...given) => {
  const [names, [flag, text, number]] = [given.slice(0, 3), given.slice(3)];
  assert.deepEqual(names.map((name) => world.details.value[name]), [valueOf('boolean', flag), text, number]);
};

const checkError = (world, code) => assert.deepEqual([world.details.reason, world.details.errorCode], ['ERROR', code]);

const FIELDS = 'contain fields {string}, {string}, and {string}, with values {string}, {string} and {int}, respectively';

export const olderSteps = [
  ...['{string}', '{int}', '{float}'].flatMap((value) => {
    // An integer reads as a float too, and one step must have one meaning.
    const kinds = { '{string}': ['boolean', 'string'], '{int}': ['integer'], '{float}': ['float'] }[value];
    return kinds.flatMap((kind) => [
      [`a/an ${kind} flag with key {string} is evaluated with default value ${value}`, (world, key, fallback) => evaluate(world, kind, key, read(kind, fallback))],
      [`a/an ${kind} flag with key {string} is evaluated with details and default value ${value}`, (world, key, fallback) => evaluate(world, kind, key, read(kind, fallback))],
      [`the resolved ${kind} value should be ${value}`, (world, expected) => assert.equal(world.details.value, read(kind, expected))],
      [
        `the resolved ${kind} details value should be ${value}, the variant should be {string}, and the reason should be {string}`,
        (world, expected, variant, reason) => checkDetails(world, kind, expected, variant, reason),
      ],
    ]);
  }),

  ['an object flag with key {string} is evaluated with a null default value', (world, key) => evaluate(world, 'object', key, null)],
  ['an object flag with key {string} is evaluated with details and a null default value', (world, key) => evaluate(world, 'object', key, null)],
  [`the resolved object value should be ${FIELDS}`, checkFields],
  [`the resolved object details value should be ${FIELDS}`, checkFields],
  [
    'the variant should be {string}, and the reason should be {string}',
    (world, variant, reason) => assert.deepEqual([world.details.variant, world.details.reason], [variant, reason]),
  ],

  [
    'context contains keys {string}, {string}, {string}, {string} with values {string}, {string}, {int}, {string}',
    (world, ...given) => {
      const [names, [first, last, age, customer]] = [given.slice(0, 4), given.slice(4)];
      const values = [first, last, age, valueOf('boolean', customer)];
      world.context = Object.fromEntries(names.map((name, index) => [name, values[index]]));
    },
  ],
  ['a flag with key {string} is evaluated with default value {string}', (world, key, fallback) => evaluate(world, 'string', key, fallback)],
  ['the resolved string response should be {string}', (world, value) => assert.equal(world.details.value, value)],
  [
    'the resolved flag value is {string} when the context is empty',
    async (world, value) => {
      world.context = {};
      await evaluate(world, world.kind, world.key, world.fallback);
      assert.equal(world.details.value, value);
    },
  ],

  ['a non-existent string flag with key {string} is evaluated with details and a fallback value {string}', (world, key, fallback) => evaluate(world, 'string', key, fallback)],
  ['a string flag with key {string} is evaluated as an integer, with details and a fallback value {int}', (world, key, fallback) => evaluate(world, 'integer', key, fallback)],
  ['the default string value should be returned', (world) => assert.equal(world.details.value, world.fallback)],
  ['the default integer value should be returned', (world) => assert.equal(world.details.value, world.fallback)],
  ['the reason should indicate an error and the error code should indicate a missing flag with {string}', checkError],
  ['the reason should indicate an error and the error code should indicate a type mismatch with {string}', checkError],
];
