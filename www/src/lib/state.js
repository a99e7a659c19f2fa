// What the page is about, kept in the URL's fragment so that a case can be shared: `#run?key=…&user=…`. A fragment is not sent to
// any server, so a link does not put a user's id into access logs.

export const FIELDS = ['registry', 'key', 'user', 'tenant', 'tier', 'env', 'role_key', 'attributes', 'overrides'];

const EMPTY = Object.fromEntries(FIELDS.map((name) => [name, '']));

export const DEFAULTS = { ...EMPTY, key: 'flags.registry_v1', user: 'U-1', tier: 'staff', env: 'prod' };

/** A fragment with any input replaces all of them; one without leaves `current`. */
export function readFragment(fragment, current) {
  const [tab, query] = fragment.replace(/^#/, '').split(/\?(.*)/s);
  const given = new URLSearchParams(query ?? '');
  const known = FIELDS.filter((name) => given.has(name));
  const inputs = known.length
    ? { ...EMPTY, ...Object.fromEntries(known.map((name) => [name, given.get(name)])) }
    : current;
  return { tab, inputs };
}

export function writeFragment(tab, inputs) {
  const isDefault = FIELDS.every((name) => inputs[name] === DEFAULTS[name]);
  const query = new URLSearchParams(FIELDS.filter((name) => inputs[name] !== '').map((name) => [name, inputs[name]]));
  return `#${tab}${isDefault || query.size === 0 ? '' : `?${query}`}`;
}

/** The inputs, and who wants to know when they change. */
export function makeState(inputs) {
  let current = { ...inputs };
  const listeners = [];
  return {
    get: () => current,
    set(change) {
      const next = { ...current, ...change };
      if (FIELDS.every((name) => next[name] === current[name])) return;
      current = next;
      for (const listener of listeners) listener(current);
    },
    onChange: (listener) => listeners.push(listener),
  };
}
