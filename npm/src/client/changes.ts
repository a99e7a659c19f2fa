/**
 * Which flags a new document may change. It knows nothing of what the parts of a flag mean: a flag has changed if it is written
 * differently, or if it has, anywhere in it, the name of something that has changed. That may be too many, and is never too few.
 */

/** Documents, as far as they are read here; each part may be anything. */
interface Parts {
  readonly tenant: unknown;
  readonly flags: Map<string, string>;
  /** Segments and kill switches, by the name that flags know them by. */
  readonly named: Map<string, string>;
  /** Stored overrides, by the key of their flag. */
  readonly overrides: Map<string, string>;
  readonly mentions: (name: string) => readonly string[];
}

/** The category that stands for every flag. */
const EVERY_CATEGORY = '*';

/**
 * The keys of the flags that differ between two documents, or may be evaluated differently; of the new one's first, in its order.
 *
 * @param before the JSON text of the old document, if there is one
 * @param after the JSON text of the new document
 */
export function changedFlags(before: string | undefined, after: string): string[] {
  const next = parts(after);
  if (before === undefined) return [...next.flags.keys()];
  const last = parts(before);
  const every = [...new Set([...next.flags.keys(), ...last.flags.keys()])];
  const named = differing(last.named, next.named);
  if (last.tenant !== next.tenant || named.includes(EVERY_CATEGORY)) return every;
  const changed = new Set([...differing(last.flags, next.flags), ...differing(last.overrides, next.overrides)]);
  const names = [...named, ...changed];
  // It grows while it is walked: what names a flag that has changed has changed too.
  for (const name of names) {
    for (const key of next.mentions(name)) {
      if (changed.has(key)) continue;
      changed.add(key);
      names.push(key);
    }
  }
  return every.filter((key) => changed.has(key));
}

function parts(json: string): Parts {
  const document = JSON.parse(json);
  const flags = new Map<string, string>();
  const mentioned = new Map<string, string[]>();
  for (const flag of list(document.flags)) {
    const key = flag['key'];
    if (typeof key !== 'string') continue;
    add(flags, key, flag);
    const names = new Set<string>();
    collect(flag, names);
    for (const name of names) {
      const keys = mentioned.get(name);
      if (keys === undefined) mentioned.set(name, [key]);
      else keys.push(key);
    }
  }
  const named = new Map<string, string>();
  for (const segment of list(document.segments)) add(named, segment['key'], segment);
  for (const one of list(document.kill_switches)) add(named, one['category'], one);
  const overrides = new Map<string, string>();
  for (const row of list(document.overrides)) add(overrides, row['flag'], row);
  return { tenant: document.tenant, flags, named, overrides, mentions: (name) => mentioned.get(name) ?? [] };
}

/** The entries of a list that are objects: the others mean nothing to anybody. */
function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'object' && entry !== null) : [];
}

/** Puts what is written under a name behind what is there: of several with one name the order counts. */
function add(to: Map<string, string>, name: unknown, entry: unknown): void {
  if (typeof name === 'string') to.set(name, `${to.get(name) ?? ''}${JSON.stringify(entry)}\n`);
}

/** Every text in a value. */
function collect(value: unknown, into: Set<string>): void {
  // Documents may be nested as deeply as they like, so this does not call itself.
  const left = [value];
  while (left.length > 0) {
    const one = left.pop();
    if (typeof one === 'string') into.add(one);
    else if (typeof one === 'object' && one !== null) for (const member of Object.values(one)) left.push(member);
  }
}

/** The names under which two have different things, or only one has anything. */
function differing(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
}
