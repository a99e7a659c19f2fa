// Run by memory.test.mjs in a process of its own, with the garbage collector at hand. Prints what it saw.

import * as FF from 'burgee';
import { IN, KEYS, registry } from './cases/registry.mjs';

const HEAP_SLACK = 2 * 1024 * 1024;

/** Collects garbage, and lets finalizers run, which they do between tasks. */
async function collect() {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise(setImmediate);
  }
}

function make(count) {
  return Array.from({ length: count }, () => {
    const snapshot = new FF.Snapshot(registry());
    const context = snapshot.context(IN);
    snapshot.evaluateAll(context);
    return { snapshot, context };
  });
}

const programs = {
  /** Handles that are let go without being freed, again and again. */
  async unfreed() {
    const round = async () => {
      make(300);
      await collect();
    };
    for (let i = 0; i < 3; i++) await round();
    const [memory, heap] = [FF.__memoryBytes(), process.memoryUsage().heapUsed];
    for (let i = 0; i < 10; i++) await round();
    const heapGrewBy = process.memoryUsage().heapUsed - heap;
    return { grew: FF.__memoryBytes() - memory, heapGrewBy: heapGrewBy < HEAP_SLACK ? 'little' : heapGrewBy };
  },

  /** Handles that are let go before, between and after traps, while others live on. */
  async trap() {
    const alive = make(5);
    const answers = () => JSON.stringify(alive.map(({ snapshot, context }) => [
      snapshot.evaluateAll(context, { now: 0 }),
      KEYS.map((key) => snapshot.explain(key, context, { now: 0 })),
    ]));
    const expected = answers();
    let [watched, collected, traps, answersChanged] = [0, 0, 0, 0];
    const registryOfDead = new FinalizationRegistry(() => collected++);
    const letGo = (count) => {
      for (const { snapshot, context } of make(count)) {
        for (const handle of [snapshot, context]) {
          registryOfDead.register(handle, undefined);
          watched++;
        }
      }
    };
    const check = () => {
      if (answers() !== expected) answersChanged++;
    };
    for (let i = 0; i < 3; i++) {
      letGo(50);
      try {
        FF.__trap();
      } catch (error) {
        if (error.code === 'internal') traps++;
      }
      letGo(50);
      // The dead of the old instance and of the new one are collected while the new one is in use.
      await collect();
      check();
      make(20);
      check();
    }
    await collect();
    check();
    return { collected: collected === watched ? 'all' : `${collected} of ${watched}`, answersChanged, traps };
  },
};

console.log(JSON.stringify(await programs[process.argv[2]]()));
