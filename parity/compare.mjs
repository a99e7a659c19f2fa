// Where two JSON values differ: a list of `{pointer, expected, got}`, one for each place. -0 equals 0, as JSON has it.
// A field that is there and undefined is not the same as one that is left out.
export function differences(expected, got, pointer = '') {
  if (Object.is(expected, got) || (expected === 0 && got === 0)) return [];
  if (Array.isArray(expected) && Array.isArray(got)) {
    const found = expected.flatMap((item, i) => (i < got.length ? differences(item, got[i], `${pointer}/${i}`) : []));
    if (expected.length !== got.length) found.push({ pointer: `${pointer}/length`, expected: expected.length, got: got.length });
    return found;
  }
  if (isObject(expected) && isObject(got)) {
    const names = new Set([...Object.keys(expected), ...Object.keys(got)]);
    return [...names].flatMap((name) => {
      const at = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (!Object.hasOwn(got, name)) return [{ pointer: at, expected: expected[name], got: LEFT_OUT }];
      if (!Object.hasOwn(expected, name)) return [{ pointer: at, expected: LEFT_OUT, got: got[name] }];
      return differences(expected[name], got[name], at);
    });
  }
  return [{ pointer, expected, got }];
}

export const LEFT_OUT = Symbol('left out');

// A value for a message: short, and printable whatever is in it.
export function show(value, limit = 400) {
  if (value === LEFT_OUT) return '(left out)';
  if (value === undefined) return 'undefined';
  const text = JSON.stringify(value, (_, inner) => {
    if (typeof inner === 'number' && !Number.isFinite(inner)) return `(${inner})`;
    return Object.is(inner, -0) ? '(-0)' : typeof inner === 'bigint' ? `(${inner}n)` : inner;
  }) ?? String(value);
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value that a pointer of `differences` points to. */
export function at(value, pointer) {
  let inner = value;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, name)) return LEFT_OUT;
    inner = inner[name];
  }
  return inner;
}
