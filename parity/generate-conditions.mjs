// Draws conditions, and attributes that often meet what the conditions of the same case compare with.

const LONG_TEXT = 8 * 1024;

// Attribute → what it mostly is.
const KINDS = {
  country: 'text', plan: 'text', 'caf\u00e9': 'text', 'a/b~c': 'text', '0': 'number', age: 'number',
  constructor: 'number', beta: 'boolean', toString: 'boolean', app: 'version', firmware: 'version', seen_at: 'time', joined: 'time',
  tags: 'list', groups: 'list', address: 'object', tier: 'text', env: 'text', user_id: 'text', project_id: 'text', role_key: 'text',
};
// What requests draw themselves.
const MEANT = ['tier', 'env', 'user_id', 'project_id', 'role_key'];
// In a literal it would be no name like others.
const NAMES = [...Object.keys(KINDS), '__proto__'];
const kindOf = (name) => (name === '__proto__' ? 'text' : KINDS[name]);

const TEXTS = [
  '', 'CA', 'ca', 'US', 'Canada', 'CANADA', 'caf\u00e9', 'cafe\u0301', 'CAF\u00c9', '\u{1f600}', 'x\u{1f600}y', 'a\u0000b', 'a\nb', 'a\rb', 'a\u2028b',
  'a\u000bb', 'a\u00a0b', 'CA US', 'CA_US', 'CA-42', '42', '4', 'true', 'null', 'aaa', 'aXbXc', '\u212a', 'k', '\u017f', 'S', '\u0664\u0662', '__proto__', '1.0.0',
];
const LONE_TEXTS = ['\ud83d', '\ude00', 'CA\ud800', '\ud83dCA', 'x\ude00\ud83dy', '\ud83d\u{1f600}', '\u{1f600}\ude00'];
// At the limit of what a pattern is looked for in, and beyond it; in bytes, and not in characters.
const LONG_TEXTS = [
  ['z'.repeat(LONG_TEXT), 'z'.repeat(LONG_TEXT + 1), '\u00e9'.repeat(LONG_TEXT / 2), `${'\u00e9'.repeat(LONG_TEXT / 2)}z`],
  ['\u65e5'.repeat(LONG_TEXT / 3), `CA${'\u65e5'.repeat(LONG_TEXT / 3)}`, '\u{1f600}'.repeat(LONG_TEXT / 4), `${'\u{1f600}'.repeat(LONG_TEXT / 4)}z`],
].flat();
const NUMBERS = [0, 1, -1, 42, 1.5, -2.25, 0.1, 0.30000000000000004, 1e21, 1e300, 5e-324, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 100];
const ODD_NUMBERS = [NaN, Infinity, -Infinity, -0];
const VERSIONS = [
  '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.0+build.7',
  '1.0.0-rc.1+x', '0.0.0', '1.2.3', '1.10.0', '2.0.0', '2.0.0--', '2.0.0-0', '2.0.0-1', '2.0.0-a.0', '2.0.0-A', '2.0.0-a', '2.0.0-0a',
  '99999999999999999999.0.0', '99999999999999999998.999999999999999999.1', '18446744073709551616.0.0', '4294967296.0.0', '2.0.0-18446744073709551616',
  '2.0.0-9007199254740993', '2.0.0-9007199254740992', '2.0.0-18446744073709551615', '2.0.0-99999999999999999999999', '2.0.0+001', '2.0.0-x.7.z.92',
];
const NO_VERSIONS = [
  '1', '1.0', '1.0.0.0', 'v1.0.0', '01.0.0', '1.00.0', '1.0.01', '1.0.0-', '1.0.0+', '1.0.0-01', '1.0.0-a..b', '1.0.0-\u00e9', ' 1.0.0', '1.0.0 ', '1.0.0\n',
  '1.0.0-a+b+c', '-1.0.0', '1.0.x', '', '1.0.0-a_b', '\u0661.0.0', '1.0.0+a..b', '1.0.0-0.00',
];
const NO_TIMES = [
  '', 'now', '2026-11-21', '2026-11-21T10:00:00', '2026-13-01T00:00:00Z', '2026-04-31T00:00:00Z', '2016-12-31T23:59:60Z', '2026-01-01T24:00:00Z',
  '2026-01-01T00:00:00.Z', ' 2026-01-01T00:00:00Z', 1.5, 2 ** 53, -(2 ** 53), NaN, Infinity, true,
];
// Of which the oracle's translation knows each; what is put together from them has one unbounded repetition at most.
const PATTERNS = [
  '', '^', '$', '^$', 'CA', '^CA$', '^(?:CA|US)$', '(C|U)(A|S)', '(?i)canada', '(?i)^ca', '(?i)k', '(?i)caf\u00e9', '(?i)[a-c]x?[^s]', '(?i)s', 'caf.$', '^.$', '^..$', 'a.b',
  '^\\w+$', '\\W', '\\d', '^\\d+$', '\\D', '\\s', 'a\\sb', '\\S', '\\bCA\\b', '\\BA', '[a-c]', '[^a-z]', '[\\d_-]', '^[^\\s]*$', 'a{3}', 'a{2,}', 'a{0,2}$', 'a+?X', 'x*', '\u00e9', '\\.',
  '^[\u{1f600}\u{1f601}]$', '\u{1f600}', 'X(?:b|c)', '()', 'a|', '[.]', '\\\\', 'z$', '\\n', '^CA[ _-]?(?:US|42)?$', 'l+', '\\]',
];
const ATOMS = ['a', 'C', 'A', 'X', '.', '\\d', '\\w', '\\s', '[a-zA-Z]', '[^C]', '(?:CA|US)', '(a|X)', '\u00e9', '\u{1f600}', '\\b', '^', '$'];
const BOUNDED = ['', '', '', '?', '{2}', '{1,2}', '??'];

const OPS = {
  text: ['equals', 'not_equals', 'in', 'not_in', 'contains', 'starts_with', 'ends_with', 'matches', 'matches', 'exists'],
  number: ['equals', 'not_equals', 'in', 'not_in', 'gt', 'gte', 'lt', 'lte', 'between', 'between', 'exists'],
  boolean: ['equals', 'not_equals', 'in', 'not_in', 'exists'],
  version: ['semver_eq', 'semver_gt', 'semver_gte', 'semver_lt', 'semver_lte', 'starts_with'],
  time: ['before', 'after'],
  list: ['contains', 'contains', 'exists', 'in', 'equals'],
  object: ['exists', 'contains', 'equals'],
};
export const OPERATORS = [...new Set(Object.values(OPS).flat())];

const isScalar = (value) => ['string', 'number', 'boolean'].includes(typeof value);
// Documents are JSON.
const isWritable = (value) => isScalar(value) && value === (typeof value === 'string' ? value.toWellFormed() : JSON.parse(JSON.stringify(value)));

export class ConditionDrawer {
  /** `time(millis)` writes an instant; `known` are values that attributes with a meaning have: a map of name → list. */
  constructor(random, { now, time, known }) {
    this.random = random;
    this.now = now;
    this.time = time;
    const hot = {
      text: () => random.sample(TEXTS, 2),
      number: () => random.sample(NUMBERS, 2),
      boolean: () => [true, false],
      version: () => random.sample(VERSIONS, 3),
      time: () => [now],
      list: () => [random.pick(TEXTS), random.pick(NUMBERS), true, random.pick(TEXTS)],
      object: () => [{}],
    };
    this.hot = new Map(NAMES.map((name) => [name, known.get(name) ?? hot[kindOf(name)]()]));
    this.names = random.sample(NAMES, 6);
  }

  // ---- Attributes of contexts --------------------------------------------------------------------------------------

  /** Draws the attributes that conditions like to ask for: `[name, value]`. */
  attributes() {
    const { random } = this;
    const names = random.sample([...this.names, random.pick(NAMES)], random.between(3, 7));
    return [...new Set(names)].filter((name) => !MEANT.includes(name)).map((name) => [name, this.attribute(name)]);
  }

  attribute(name) {
    const { random } = this;
    return random.weighted([
      [75, () => this.ofKind(name)],
      [12, () => this.ofKind(random.pick(NAMES))],
      [5, () => random.pick([...ODD_NUMBERS, ...NUMBERS])],
      [3, () => random.pick(LONE_TEXTS)],
      [2, null],
      [1, () => random.pick(LONG_TEXTS)],
      [1, () => random.pick(NO_TIMES)],
      [1, () => random.pick(NO_VERSIONS)],
    ]);
  }

  ofKind(name) {
    const { random } = this;
    const hot = random.pick(this.hot.get(name));
    switch (kindOf(name)) {
      case 'text': return random.weighted([[6, hot], [2, `${hot}x`], [2, `x${hot}`], [1, `x${hot}x`], [2, () => random.pick(TEXTS)]]);
      case 'number': return random.weighted([[5, hot], [1, hot + 1], [1, hot - 1], [1, () => random.pick(NUMBERS)], [1, () => random.pick(ODD_NUMBERS)]]);
      case 'boolean': return hot;
      case 'version': return random.weighted([[6, hot], [4, () => random.pick(VERSIONS)], [2, () => random.pick(NO_VERSIONS)]]);
      case 'time': return random.weighted([[8, () => this.time(hot + random.between(-1, 1))], [2, () => random.pick(NO_TIMES)]]);
      case 'list': return random.list(0, 3, () => random.weighted([
        [6, () => random.pick(this.hot.get(name))],
        [2, () => random.pick([...ODD_NUMBERS, ...LONE_TEXTS, null])],
        [1, () => random.pick([[], {}, ['CA'], [NaN], { CA: 'CA' }])],
      ]));
      default: return random.pick([{}, { CA: 'CA' }, { length: 1, 0: 'CA' }]);
    }
  }

  // ---- Conditions --------------------------------------------------------------------------------------------------

  /** A condition that is not at fault. `segments` are keys that it may name. */
  condition(segments = [], depth = 1) {
    const { random } = this;
    const inner = (high) => random.list(0, high, () => this.condition(segments, depth + 1));
    const isDeep = depth > 3;
    const condition = random.weighted([
      [50, () => this.leaf()],
      [8, () => this.shortAttribute()],
      [segments.length > 0 ? 14 : 0, () => ({ segment: random.pick(segments) })],
      [isDeep ? 0 : 9, () => ({ all: inner(3) })],
      [isDeep ? 0 : 9, () => ({ any: inner(3) })],
      [isDeep ? 0 : 9, () => ({ not: this.condition(segments, depth + 1) })],
      [isDeep ? 0 : 10, () => this.several(segments, depth)],
    ]);
    if (random.chance(0.05)) condition[random.pick(['segment', 'all', 'any', 'not', 'attr', 'atr'])] ??= null;
    return condition;
  }

  // An object with several members.
  several(segments, depth) {
    const { random } = this;
    const condition = random.chance(0.7) ? (random.chance(0.5) ? this.leaf() : this.shortAttribute()) : {};
    if (segments.length > 0 && random.chance(0.4)) condition.segment = random.pick(segments);
    if (random.chance(0.3)) condition.all = random.list(0, 2, () => this.condition(segments, depth + 2));
    if (random.chance(0.3)) condition.any = random.list(1, 2, () => this.condition(segments, depth + 2));
    if (random.chance(0.3) || Object.keys(condition).length === 0) condition.not = this.condition(segments, depth + 2);
    return condition;
  }

  name() {
    const { random } = this;
    return random.chance(0.9) ? random.pick(this.names) : random.pick([...NAMES, 'no such', ' ']);
  }

  shortAttribute() {
    const { random } = this;
    const attr = {};
    for (const name of new Set(random.list(0, 2, () => this.name()))) {
      const value = random.chance(0.6) ? this.scalar(name) : random.list(1, 3, () => this.scalar(name));
      Object.defineProperty(attr, name, { value, writable: true, enumerable: true, configurable: true });
    }
    return { attr };
  }

  leaf() {
    const { random } = this;
    const name = this.name();
    const op = random.chance(0.85) ? random.pick(OPS[kindOf(name)] ?? OPERATORS) : random.pick(OPERATORS);
    const leaf = { attr: name, op, ...this.operand(name, op) };
    // The other of the two is not read.
    if (random.chance(0.03)) leaf[['in', 'not_in', 'between'].includes(op) ? 'value' : 'values'] = random.pick([null, [], 'CA', 5]);
    return leaf;
  }

  operand(name, op) {
    const { random } = this;
    if (op === 'exists') return random.pick([{}, { value: null }, { value: true }, { value: false }]);
    if (['in', 'not_in'].includes(op)) return { values: random.list(1, 4, () => this.scalar(name)) };
    if (op === 'between') return { values: [this.number(name), this.number(name)].sort((a, b) => a - b) };
    if (['gt', 'gte', 'lt', 'lte'].includes(op)) return { value: this.number(name) };
    if (['before', 'after'].includes(op)) return { value: this.time(this.now + random.between(-1, 1)) };
    if (op.startsWith('semver_')) return { value: this.version(name) };
    if (op === 'matches') return { value: this.pattern() };
    const value = this.scalar(name);
    if (typeof value !== 'string') return { value: ['starts_with', 'ends_with'].includes(op) ? String(value) : value };
    // By characters, so that no pair is parted.
    const characters = Array.from(value);
    const cut = random.between(0, characters.length);
    if (op === 'starts_with') return { value: characters.slice(0, cut).join('') };
    if (op === 'ends_with') return { value: characters.slice(cut).join('') };
    return { value: op === 'contains' && random.chance(0.5) ? characters.slice(cut, cut + 2).join('') : value };
  }

  scalar(name) {
    const { random } = this;
    const hot = (this.hot.get(name) ?? []).filter(isWritable);
    return hot.length > 0 && random.chance(0.8) ? random.pick(hot) : random.pick([...TEXTS, ...NUMBERS, true, false]);
  }

  number(name) {
    const { random } = this;
    const hot = (this.hot.get(name) ?? []).filter((value) => typeof value === 'number');
    return hot.length > 0 && random.chance(0.8) ? random.pick(hot) : random.pick(NUMBERS);
  }

  version(name) {
    const { random } = this;
    return kindOf(name) === 'version' && random.chance(0.6) ? random.pick(this.hot.get(name)) : random.pick(VERSIONS);
  }

  pattern() {
    const { random } = this;
    if (random.chance(0.6)) return random.pick(PATTERNS);
    const parts = random.list(1, 4, () => {
      const atom = random.pick(ATOMS);
      return ['^', '$', '\\b'].includes(atom) ? atom : atom + random.pick(BOUNDED);
    });
    if (random.chance(0.4)) parts.splice(random.between(0, parts.length), 0, random.pick(ATOMS.slice(0, 14)) + random.pick(['*', '+', '*?', '+?', '{2,}']));
    return (random.chance(0.3) ? '(?i)' : '') + parts.join(random.chance(0.1) ? '|' : '');
  }
}
