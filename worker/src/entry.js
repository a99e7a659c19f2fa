// What the platform calls. The evaluator answers in one call wherever it holds what it needs, and nothing is awaited; what must be
// waited for, and what an instance that is lost leaves behind, is seen to here. Nothing of HTTP or of flags is decided here.

import * as evaluator from 'burgee:evaluator';
import { read } from './bridge.js';

export { Meter } from './meter.js';

export default {
  fetch(request, env, context) {
    return answer({ request, env, context, began: Date.now() });
  },
};

/** The answer to a call: a response or the promise of one. */
function answer(call, body) {
  const { request, env, context, began } = call;
  let given;
  try {
    given = evaluator.fetch(request, env, context, began, body);
  } catch {
    return lost(call);
  }
  // A number: it wants the body first, of so many bytes at most.
  if (typeof given === 'number') return read(request, given).then((bytes) => answer(call, bytes));
  return given instanceof Promise ? guarded(given, call) : given;
}

// ---- A trap ----------------------------------------------------------------------------------------------------------
//
// It ends the instance, and the generated code starts a new one with the next call. Whoever waits for the old one would hang until
// the platform gives up: these functions end that.
const waiting = new Set();

addEventListener('error', ({ error }) => {
  if (error instanceof WebAssembly.RuntimeError) endAll();
});

function endAll() {
  for (const end of waiting) end();
  waiting.clear();
}

/** The answer that is promised or, if the instance is lost before there is one, an error that looks like every other. */
async function guarded(promise, call) {
  let end;
  const ended = new Promise((resolve) => {
    end = resolve;
  });
  waiting.add(end);
  try {
    return (await Promise.race([promise, ended])) ?? apology(call);
  } finally {
    waiting.delete(end);
  }
}

function lost(call) {
  endAll();
  return apology(call);
}

const apology = ({ request, env, context, began }) => evaluator.apologise(request, env, context, began);
