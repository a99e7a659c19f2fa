// Assertions for cases that run wherever the package does: in Node, in browsers and in workerd, so without node:assert.

export function ok(value, message = 'expected something true') {
  if (!value) throw new Error(message);
}

/** Compares values of JSON and undefined, by their own members; NaN equals itself, and -0 is 0, as JSON has it. */
export function equal(got, expected, message = 'expected equal values') {
  const place = difference(got, expected, '');
  if (place !== undefined) throw new Error(`${message}: at ${place || '/'} in ${show(got)}, expected ${show(expected)}`);
}

/** Expects a BurgeeError with a code and a pointer, from `run`; gives it. */
export function refuses(FF, run, code, pointer = '') {
  const error = caught(run);
  ok(error instanceof FF.BurgeeError, `expected a BurgeeError ${code}, got ${error === undefined ? 'none' : String(error)}`);
  equal([error.code, error.pointer, error.name], [code, pointer, 'BurgeeError'], error.message);
  ok(error instanceof Error && error.message.startsWith(pointer), error.message);
  return error;
}

/** What `run` throws. */
export function caught(run) {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Freezes a value and all in it: a change by anybody then throws, because modules are strict. */
export function frozen(value) {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) frozen(member);
  }
  return value;
}

export function isDeeplyFrozen(value) {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}

function difference(got, expected, place) {
  if (typeof got !== 'object' || got === null || typeof expected !== 'object' || expected === null) {
    return Object.is(got, expected) || got === expected ? undefined : place || '/';
  }
  if (Array.isArray(got) !== Array.isArray(expected)) return place || '/';
  const names = new Set([...Object.keys(got), ...Object.keys(expected)]);
  for (const name of names) {
    if (!Object.hasOwn(got, name) || !Object.hasOwn(expected, name)) return `${place}/${name}`;
    const found = difference(got[name], expected[name], `${place}/${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function show(value) {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 500);
  } catch {
    return String(value);
  }
}
