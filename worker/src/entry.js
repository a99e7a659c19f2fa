// What the platform calls. The evaluator answers in one call wherever it holds what it needs, and nothing is awaited; what must be
// waited for, and what an instance that is lost leaves behind, is seen to here. Nothing of HTTP or of flags is decided here.

import * as evaluator from 'burgee:evaluator';
import { endWith, object, read } from './bridge.js';
import { endAll, guarded } from './trap.js';

export default {
  fetch(request, env, context) {
    if (env.FF_TEST_CLOCK === '1') {
      const [, tenant] = /^\/__test\/tenants\/([^/]+)\/alarm$/.exec(new URL(request.url).pathname) ?? [];
      if (tenant) return object(env, tenant).fetch('http://internal/alarm', { method: 'POST', headers: request.headers });
    }
    const began = Date.now();
    return answer({ request, env, context, began }, began);
  },
};

/** The answer to a call: a response or the promise of one. `now` is the time, with which the evaluator need not ask for it. */
function answer(call, now, body) {
  const { request, env, context, began } = call;
  let given;
  try {
    given = evaluator.fetch(request, env, context, began, now, body);
  } catch {
    return lost(call);
  }
  // A number: it wants the body first, of so many bytes at most.
  if (typeof given === 'number') return read(request, given).then((bytes) => answer(call, Date.now(), bytes));
  if (!(given instanceof Promise)) return given;
  return guarded(given, () => apology(call)).then((response) => endWith(request, response));
}

/** The answer to a request that the instance was lost with. */
const apology = ({ request, env, context, began }) => evaluator.apologise(request, env, context, began);

function lost(call) {
  endAll();
  return apology(call);
}
