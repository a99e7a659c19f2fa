// The steps of `hooks.feature`.

import assert from 'node:assert/strict';
import { valueOf } from './evaluation.mjs';

const NAMES = { flag_key: 'flagKey', value: 'value', variant: 'variant', reason: 'reason', error_code: 'errorCode' };

export const hookSteps = [
  [
    'a client with added hook',
    (world) => {
      world.calls = {};
      const record = (stage) => (_context, given) => void (world.calls[stage] = { given });
      world.client.addHooks(Object.fromEntries(['before', 'after', 'error', 'finally'].map((stage) => [stage, record(stage)])));
    },
  ],
  ['the {string} hook should have been executed', (world, stage) => assert.ok(world.calls[stage], stage)],
  [
    'the {string} hooks should be called with evaluation details',
    (world, stages, [, ...rows]) => {
      assert.ok(rows.length > 0);
      for (const stage of stages.split(', ')) {
        for (const [kind, name, text] of rows) {
          const value = text === 'null' ? undefined : valueOf(kind, text);
          assert.deepEqual(world.calls[stage].given[NAMES[name]], value, `${stage}: ${name}`);
        }
      }
    },
  ],
];
