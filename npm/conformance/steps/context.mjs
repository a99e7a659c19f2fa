// The steps of `contextMerging.feature`. What the provider was given is what all levels were merged to.

import assert from 'node:assert/strict';

/** Adds an entry to a level; what has been added to it stays. */
function add(world, level, key, value) {
  world.levels ??= {};
  world.levels[level] = { ...world.levels[level], [key]: value };
}

export const contextSteps = [
  [
    'A context entry with key {string} and value {string} is added to the {string} level',
    (world, key, value, level) => add(world, level, key, value),
  ],
  [
    'A table with levels of increasing precedence',
    (world, rows) => {
      world.order = rows.map(([level]) => level);
    },
  ],
  [
    'Context entries for each level from API level down to the {string} level, with key {string} and value {string}',
    (world, last, key) => {
      for (const level of world.order.slice(0, world.order.indexOf(last) + 1)) add(world, level, key, level);
    },
  ],
  [
    'Some flag was evaluated',
    async (world) => {
      world.merged = await world.sdk.merged(world, world.levels);
    },
  ],
  [
    'The merged context contains an entry with key {string} and value {string}',
    (world, key, value) => assert.equal(world.merged[key], value),
  ],
];
