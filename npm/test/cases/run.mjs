// Runs cases against a package, and says how each came out. Nobody stops at the first failure: where one fails elsewhere than here,
// which others fail beside it is what tells why.

import { contexts } from './contexts.mjs';
import { dropin } from './dropin.mjs';
import { errors } from './errors.mjs';
import { handles } from './handles.mjs';
import { traps } from './traps.mjs';

const groups = { dropin, handles, contexts, errors, traps };

/** `[name, run]` of every case; `run` takes the package. */
export const cases = Object.entries(groups).flatMap(([group, members]) =>
  Object.entries(members).map(([name, run]) => [`${group}: ${name}`, run]),
);

/** Every case against the package `FF`: `[{name, error?}]`. */
export function runCases(FF) {
  return cases.map(([name, run]) => {
    try {
      run(FF);
      return { name };
    } catch (error) {
      return { name, error: `${error?.message ?? error}\n${error?.stack ?? ''}` };
    }
  });
}
