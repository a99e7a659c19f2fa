// Turns what `runCases` gave, somewhere else, into tests of this process.

import assert from 'node:assert/strict';
import { cases } from '../cases/run.mjs';

/** Reports each result as a test of its own below `t`, and that no case was left out. */
export async function report(t, results) {
  assert.deepEqual(results.map(({ name }) => name), cases.map(([name]) => name), 'every case ran, once');
  for (const { name, error } of results) {
    await t.test(name, () => {
      if (error !== undefined) assert.fail(error);
    });
  }
}
