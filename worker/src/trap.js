// What a trap leaves behind. It ends the instance, and the generated code starts a new one with the next call. Whoever waits for the old
// one would hang until the platform gives up: these functions end that.

import * as evaluator from 'burgee:evaluator';

const waiting = new Set();

/**
 * The module, of an instance that runs. The generated code starts a new one as late as with the call itself, and by then has put the call's texts
 * into the memory of the old one: whoever hands over texts or bytes takes the module from here.
 */
export function wasm() {
  evaluator.begin();
  return evaluator;
}

addEventListener('error', ({ error }) => {
  if (error instanceof WebAssembly.RuntimeError) endAll();
});

/** Ends what waits for the instance that is lost. */
export function endAll() {
  for (const end of waiting) end();
  waiting.clear();
}

/** What is promised or, if the instance is lost before it comes, what `instead` gives. */
export async function guarded(promise, instead) {
  let end;
  const ended = new Promise((resolve) => {
    end = resolve;
  });
  waiting.add(end);
  try {
    return (await Promise.race([promise, ended])) ?? instead();
  } finally {
    waiting.delete(end);
  }
}
