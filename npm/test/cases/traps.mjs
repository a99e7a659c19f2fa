// What stops the evaluator midway must not be felt by anybody else.

import { caught, equal, ok, refuses } from './check.mjs';
import { IN, KEYS, OUT, registry } from './registry.mjs';

/** Handles of every kind, some used and some not, and what they answer. */
function handlesOf(FF) {
  const snapshot = new FF.Snapshot(registry());
  const unused = new FF.Snapshot(JSON.stringify(registry()));
  const contexts = [snapshot.context(IN), snapshot.context(OUT)];
  const fresh = snapshot.context({ user_id: 'U-2', groups: ['a'] });
  const flags = KEYS.map((key) => snapshot.flag(key));
  const answers = () => [
    flags.map((flag) => contexts.map((context) => snapshot.evaluate(flag, context, { now: 0 }))),
    snapshot.evaluateAll(contexts[0], { now: 0 }),
    snapshot.evaluateAll(OUT, { now: 0 }),
    flags.map((flag) => snapshot.explain(flag, contexts[1], { now: 0 })),
    FF.evaluateBatch(registry(), { flags: KEYS, context: IN, now: 0 }),
    FF.hashBucket('bucket-low-1|syn.staged_25'),
  ];
  // These two are first used after the failure.
  const late = () => [unused.evaluate('by.env', IN), snapshot.evaluate('chosen', fresh)];
  const free = () => [...contexts, fresh, snapshot, unused].forEach((handle) => handle.free());
  return { answers, late, free, contexts, snapshot };
}

const LATE = [['on', 'stage_full'], ['off', 'deny_list']];
const short = (evaluations) => evaluations.map(({ variant, reason }) => [variant, reason]);

export const traps = {
  'a trap is an error of its own, and every handle answers the same after it': (FF) => {
    const { answers, late, free } = handlesOf(FF);
    const before = answers();
    const error = refuses(FF, FF.__trap, 'internal');
    ok(error.cause instanceof WebAssembly.RuntimeError, 'the trap itself is the cause');
    equal(answers(), before);
    equal(short(late()), LATE);
    free();
  },

  'so they do after many traps': (FF) => {
    const { answers, late, free } = handlesOf(FF);
    const before = answers();
    for (let i = 0; i < 5; i++) refuses(FF, FF.__trap, 'internal');
    equal(short(late()), LATE);
    for (let i = 0; i < 5; i++) {
      refuses(FF, FF.__trap, 'internal');
      equal(answers(), before);
    }
    free();
  },

  'what was compiled before a trap can be freed after it': (FF) => {
    const { contexts, snapshot } = handlesOf(FF);
    const bystander = new FF.Snapshot(registry());
    snapshot.evaluateAll(contexts[0]);
    caught(FF.__trap);
    contexts[0].free();
    snapshot.free();
    refuses(FF, () => snapshot.evaluate('off', contexts[0]), 'freed');
    equal(bystander.evaluate('syn.staged_25', IN).reason, 'staged_in');
    equal(bystander.evaluate('syn.staged_25', contexts[1]).reason, 'staged_out');
  },

  'evaluations are the same objects after a trap': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const before = snapshot.evaluate('layout', IN);
    caught(FF.__trap);
    ok(snapshot.evaluate('layout', IN) === before);
  },

  'a stack that runs out in the middle of a call costs that call alone': (FF) => {
    const { answers, late, free, snapshot } = handlesOf(FF);
    const before = answers();
    const expected = snapshot.explain('syn.staged_25', IN);
    const wrong = [];
    const failures = [];
    // Each level calls at another distance from the end of the stack; a call gives the right answer or none.
    const dive = (depth, calls) => {
      try {
        dive(depth + 1, calls);
      } catch (error) {
        if (calls.left === 0) throw error;
      }
      if (calls.left-- <= 0) return;
      try {
        const got = snapshot.explain('syn.staged_25', IN);
        if (JSON.stringify(got) !== JSON.stringify(expected)) wrong.push(got);
      } catch (error) {
        failures.push(error);
      }
    };
    dive(0, { left: 400 });
    equal(wrong, []);
    ok(failures.length > 0, 'the stack never ran out');
    for (const error of failures) ok(error instanceof FF.BurgeeError || error instanceof RangeError || error.name === 'InternalError', String(error));
    equal(answers(), before);
    equal(short(late()), LATE);
    free();
  },
};
