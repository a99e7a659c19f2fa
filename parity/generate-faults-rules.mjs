// Ways for rules, conditions, prerequisites, short forms and segments to be at fault, and to look odd and be fine; as in
// generate-faults.mjs.

const HIGH = '\ud83d';
const NOT_STRINGS = [5, true, [], {}];
const NOT_LISTS = ['on', 5, {}, true];
const NOT_OBJECTS = ['on', 5, [], true];
const BAD_TIMES = ['', 'now', '2026-11-21', '2026-13-01T00:00:00Z', '2016-12-31T23:59:60Z', 1.5, 2 ** 53, true, []];
const BAD_VERSIONS = ['', '1', '1.0', 'v1.0.0', '01.0.0', '1.0.0-', '1.0.0-01', '1.0.0+', '1.0.0-a..b', ' 1.0.0', '1.0.0-\u00e9', 1, null, true, ['1.0.0']];
const BAD_PATTERNS = ['(', ')', '[', '*a', 'a{2,1}', '(?=a)', '(?!a)', '(?<=a)b', '(?<!a)b', '(a)\\1', '[b-a]', 'a|*', '\\', '(a', '+', '?', '(?:*a)', '\\pL', '\\q', 'a{', '(?'];
const BAD_PERCENTAGES = [-1, -5e-324, 100.00000000000001, 101, 1e300, '50', true, []];

const CA = { attr: 'country', op: 'equals', value: 'CA' };
const SERVE = { variant: 'on' };

// The fields that a flag of another drawing may hold do not get in the way of what is set here.
const bare = (make) => (flag, random) => ({ key: flag.key, version: flag.version ?? 0, ...make(random) });
const withRule = (make) => bare((random) => ({ rules: [{ id: 'good', serve: SERVE, when: CA }, { id: 'r1', serve: SERVE, ...make(random) }] }));
const rule = (name, values) => withRule((random) => ({ [name]: random.pick(values) }));
const withVariants = (make, rest) => bare((random) => ({ variants: make(random), ...rest }));
const from = (list) => (random) => random.pick(list);
const own = (name, value) => Object.defineProperty({}, name, { value, writable: true, enumerable: true, configurable: true });

// A condition somewhere inside another.
function nested(condition, random, levels = 2) {
  if (levels === 0 || random.chance(0.4)) return condition;
  const inner = nested(condition, random, levels - 1);
  return random.pick([{ all: [CA, inner] }, { any: [inner] }, { not: inner }, { all: [], any: [CA, inner] }]);
}

// A condition that lies `depth` deep. Several members count as one level more, and so they are drawn as that.
function deep(depth, random, innermost = CA) {
  let condition = innermost;
  for (let level = 1; level < depth; level += 1) {
    const isWrapped = level + 1 < depth && random.chance(0.2);
    if (isWrapped) level += 1;
    condition = isWrapped ? { ...CA, not: condition } : random.pick([{ all: [condition] }, { any: [CA, condition] }, { not: condition }]);
  }
  return condition;
}
const SEVERAL = [{ ...CA, all: [] }, { attr: { a: 1, b: 2 } }, { any: [], all: [] }, { attr: { a: [1] }, any: [] }];

const operand = (op, name, list) => [`${op} ${name}`, (random) => ({ attr: 'country', op, [name]: random.pick(list) })];
const SCALAR_OPS = ['equals', 'not_equals', 'contains'];
const NUMBER_OPS = ['gt', 'gte', 'lt', 'lte'];
const SEMVER_OPS = ['semver_eq', 'semver_gt', 'semver_gte', 'semver_lt', 'semver_lte'];

// `[rule, draw(random)]`: conditions that are at fault wherever they stand.
const badConditions = [
  ['not an object', from(NOT_OBJECTS)],
  ['no member', from([{}, { attr: null }, { all: null, value: null }])],
  ['unknown member', (random) => ({ ...CA, ...random.pick([{ atr: 'x' }, { Segment: 'beta' }, { '': 1 }, own('__proto__', 1), { constructor: {} }, { op_: 0 }, { when: CA }, { comment: 'x' }]) })],
  ['unknown member alone', from([{ atr: { country: 'CA' } }, { and: [] }, own('__proto__', { all: [] })])],
  ['op, value or values without attr', from([{ op: 'equals' }, { value: 'CA' }, { values: ['CA'] }, { all: [], op: 'exists' }, { any: [CA], value: 5 }, { attr: { country: 'CA' }, op: 'equals' }, { attr: { country: 'CA' }, values: ['CA'] }])],
  ['attr not a name', (random) => ({ attr: random.pick([5, true, [], ['country']]), ...random.pick([{}, { all: [] }]) })],
  ['attr empty', (random) => ({ ...CA, attr: '', ...random.pick([{}, { op: 'exists' }]) })],
  ['no op', from([{ attr: 'country' }, { attr: 'country', value: 'CA' }, { attr: 'country', op: null, values: ['CA'] }])],
  ['op', (random) => ({ ...CA, op: random.pick(['', 'eq', 'Equals', 'toString', '__proto__', 'constructor', 'greater_than', 5, true, ['equals'], {}]) })],
  ...[...SCALAR_OPS, ...NUMBER_OPS, ...SEMVER_OPS, 'starts_with', 'ends_with', 'matches', 'before', 'after'].map((op) => [
    `${op} without value`,
    from([{}, { value: null }, { values: ['CA'] }, { values: ['1.0.0', 1] }].map((given) => ({ attr: 'country', op, ...given }))),
  ]),
  ...['in', 'not_in', 'between'].flatMap((op) => [
    [`${op} without values`, from([{}, { values: null }, { value: 'CA' }, { value: [1, 2] }].map((given) => ({ attr: 'country', op, ...given })))],
    operand(op, 'values', [[], 'CA', 5, {}, true, [null], [[]], ['CA', {}], [1, null]]),
  ]),
  ...SCALAR_OPS.map((op) => operand(op, 'value', [[], {}, ['CA'], [5]])),
  ...NUMBER_OPS.map((op) => operand(op, 'value', ['5', true, [], {}, ['5']])),
  ...['starts_with', 'ends_with'].map((op) => operand(op, 'value', NOT_STRINGS)),
  operand('matches', 'value', NOT_STRINGS),
  ['matches, a pattern that does not parse', (random) => ({ attr: 'country', op: 'matches', value: random.pick(BAD_PATTERNS) })],
  ['matches, a pattern of more than 1 KiB', (random) => ({ attr: 'country', op: 'matches', value: random.pick(['a'.repeat(1025), `${'\u00e9'.repeat(512)}a`, '\u65e5'.repeat(342), '\u{1f600}'.repeat(257), `(${'a'.repeat(1024)}`]) })],
  operand('between', 'values', [[1], [1, 2, 3], [2, 1], ['1', '2'], [1, '2'], [5e-324, 0], [null, 1]]),
  operand('exists', 'value', ['true', 0, 1, [], {}]),
  ...SEMVER_OPS.map((op) => operand(op, 'value', BAD_VERSIONS)),
  ...['before', 'after'].map((op) => operand(op, 'value', BAD_TIMES)),
  ['attr object, not of scalars', from([{ a: null }, { a: {} }, { a: 'x', b: [[]] }, { a: [null] }, { a: ['x', {}] }, own('__proto__', {})].map((attr) => ({ attr })))],
  ['attr object, an empty array', from([{ attr: { a: [] } }, { attr: { a: 1, b: [] } }])],
  ['attr object, an empty name', from([{ attr: { '': 'x' } }, { attr: { a: 1, '': [1] } }])],
  ['all or any not a list', (random) => ({ [random.pick(['all', 'any'])]: random.pick([...NOT_LISTS, CA]) })],
  ['all or any not of conditions', (random) => ({ [random.pick(['all', 'any'])]: [CA, random.pick([null, 'CA', 5, [], {}])] })],
  ['not of no condition', (random) => ({ not: random.pick(['CA', 5, [], {}, [CA], true]) })],
];

export const faults = [
  ...badConditions.map(([name, draw]) => [`condition: ${name}`, withRule((random) => ({ when: nested(draw(random), random) }))]),
  ['condition: segment not a string', withRule((random) => ({ when: nested({ segment: random.pick(NOT_STRINGS) }, random) }))],
  ['condition: segment unknown', withRule((random) => ({ when: nested({ segment: random.pick(['no.such', '', 'toString', 'hasOwnProperty']) }, random) }))],
  // The drawer adds such a segment to the document.
  ['condition: segment at fault', withRule((random) => ({ when: nested({ segment: 'at-fault' }, random) }))],
  ['condition: percentage inside', withRule((random) => ({ when: random.pick([{ all: [{ ...CA, percentage: 50 }] }, { not: { percentage: 0 } }, { any: [CA, { all: [], percentage: 100 }], percentage: 5 }]) }))],
  ['condition: too deep', withRule((random) => ({ when: deep(17, random, random.pick([CA, { all: [] }, 5, { atr: 1 }])) }))],
  ['condition: too deep by several members', withRule((random) => ({ when: deep(16, random, random.pick(SEVERAL)) }))],

  ['rules not of objects', bare((random) => ({ rules: [random.pick([null, ...NOT_OBJECTS])] }))],
  ['more than 100 rules', bare(() => ({ rules: Array.from({ length: 101 }, (_, i) => ({ id: `r${i}`, serve: SERVE })) }))],
  ['rule without id', bare((random) => ({ rules: [{ serve: SERVE, ...random.pick([{}, { id: null }]) }] }))],
  ['rule id', rule('id', [5, true, [], '', 'r'.repeat(129), '\u00e9'.repeat(129), '\u{1f600}'.repeat(129)])],
  ['rule ids not unique', rule('id', ['good'])],
  ['rule description', rule('description', NOT_STRINGS)],
  ['rule order', rule('order', [0.5, 2 ** 53, 1e300, '1', true, []])],
  ['rule percentage', rule('percentage', BAD_PERCENTAGES)],
  ['rule percentage in when', withRule((random) => ({ when: { ...random.pick([{}, CA]), percentage: random.pick(BAD_PERCENTAGES) } }))],
  ['rule percentage twice', withRule((random) => ({ when: { ...random.pick([{}, CA]), percentage: 50 }, percentage: random.pick([50, 0, 100]) }))],
  ['rule bucket_by', rule('bucket_by', ['', 5, ['user_id']])],
  ['rule salt', rule('salt', NOT_STRINGS)],
  ['rule without serve', bare((random) => ({ rules: [{ id: 'r1', ...random.pick([{}, { serve: null }, { rollout: null }]) }] }))],
  ['rule with serve and rollout', rule('rollout', [SERVE, {}, 5])],
  ['rule serve', rule('serve', [...NOT_OBJECTS, {}, { variant: 'nowhere' }, { distribution: [] }, { variant: 'on', distribution: [{ variant: 'on', weight: 1 }] }])],
  ['rule rollout', withRule((random) => ({ serve: null, rollout: random.pick([...NOT_OBJECTS, {}, { variant: 'nowhere' }, { distribution: [{ variant: 'on', weight: -1 }] }]) }))],
  ['lone surrogate in a condition', withRule((random) => ({ when: random.pick([{ ...CA, value: HIGH }, { attr: { [HIGH]: 1 } }, { not: { ...CA, comment: HIGH } }]) }))],

  ['prerequisites not of objects', bare((random) => ({ prerequisites: [random.pick([null, ...NOT_OBJECTS])] }))],
  ['more than 100 prerequisites', bare((random) => ({ prerequisites: Array.from({ length: 101 }, () => ({ flag: random.pick(['a', 'no.such']), variants: ['on'] })) }))],
  ['prerequisite flag', bare((random) => ({ prerequisites: [{ variants: ['on'], ...random.pick([{}, ...[null, 5, true, [], '', 'a b', 'k'.repeat(129)].map((flag) => ({ flag }))]) }] }))],
  ['prerequisite variants', bare((random) => ({ prerequisites: [{ flag: 'a', ...random.pick([{}, ...[null, [], 'on', {}, 5, [5], ['on', null], [true]].map((variants) => ({ variants }))]) }] }))],

  ['keys alone beside a value', withVariants(from([[{ key: 'a' }, { key: 'b', value: true }], [{ key: 'a', value: 'a' }, { key: 'b' }], [{ key: 'a', value: null }]]))],
  ['keys alone under another type', withVariants(from([[{ key: 'a' }], [{ key: 'a' }, { key: 'b' }]]), { type: 'json' })],
  ['null for a string\'s value', withVariants(from([[{ key: 'a' }, { key: 'b', value: null }]]), { type: 'string' })],
  ['variant weight', withVariants((random) => [{ key: 'a' }, { key: 'b', weight: random.pick([-1, -5e-324, '1', true, []]) }])],
  ['variant weights of no sum', withVariants(from([[0], [0, 0]].map((weights) => weights.map((weight, i) => ({ key: `k${i}`, weight })))))],
  ['variant weights of an infinite sum', withVariants(from([[{ key: 'a', weight: 1e308 }, { key: 'b' }, { key: 'c', weight: 1e308 }]]))],
  ['variant weights beside fallthrough', withVariants(from([[{ key: 'a' }, { key: 'b', weight: 1 }]]), { fallthrough: { variant: 'a' } })],
];

const serves = (percentage) => ({ rules: [{ id: 'r1', when: { percentage }, serve: SERVE }, { id: 'r2', percentage, rollout: { variant: 'off' } }] });

export const twists = [
  ['exactly 16 deep', withRule((random) => ({ when: deep(16, random, random.pick([CA, { all: [] }, { attr: {} }, { attr: { country: 'CA' } }, { all: null, ...CA }])) }))],
  ['15 deep and several members', withRule((random) => ({ when: deep(15, random, random.pick(SEVERAL)) }))],
  ['a condition of many', withRule((random) => ({ when: { any: random.list(50, 90, (i) => ({ attr: 'country', op: 'equals', value: `C${i}` })) } }))],
  ['100 rules', bare((random) => ({ rules: random.list(100, 100, (i) => ({ id: `r${i}`, order: random.between(-3, 3), when: { attr: 'country', op: 'equals', value: random.pick(['CA', 'US', '']) }, serve: { variant: i % 2 ? 'on' : 'off' } })) }))],
  ['100 prerequisites', bare((random) => ({ prerequisites: random.list(100, 100, () => ({ flag: random.pick(['no.such', 'no.other']), variants: ['on'] })) }))],
  ['a pattern of exactly 1 KiB', withRule((random) => ({ when: { attr: 'country', op: 'matches', value: random.pick(['a'.repeat(1024), '\u00e9'.repeat(512), `^(?:CA|${'b'.repeat(1015)})$`]) } }))],
  ['when of a percentage alone', bare((random) => serves(random.pick([0, 100, 50, 1e-9])))],
  ['when null', withRule(() => ({ when: null, percentage: null, order: null, description: null, bucket_by: null, salt: null, rollout: null }))],
  ['rule fields at their limits', withRule((random) => ({ id: random.pick(['r', '\u{1f600}']).repeat(128), order: random.pick([2 ** 53 - 1, -(2 ** 53 - 1), -0]), percentage: random.pick([0, 100, 5e-324, -0]) }))],
  ['operands that are not read', withRule((random) => ({ when: random.pick([{ ...CA, values: 5 }, { attr: 'country', op: 'in', values: ['CA'], value: {} }, { attr: 'country', op: 'exists', values: [] }, { attr: 'age', op: 'between', values: [1, 1], value: 'x' }]) }))],
  ['null members', withRule((random) => ({ when: random.pick([{ ...CA, atr: null, segment: null, percentage: null }, { all: [CA], op: null, value: null, values: null, attr: null }, { not: { ...CA, percentage: null } }]) }))],
  ['attr object without names', withRule((random) => ({ when: random.pick([{ attr: {} }, { attr: {}, ...{ any: [] } }, { not: { attr: {} } }]) }))],
  ['unknown fields in rules', withRule(() => ({ comment: 5, enabled: false, Percentage: 'x' }))],
  ['keys alone', withVariants(from([[{ key: 'a' }, { key: 'b' }], [{ key: 'a', weight: null }, { key: 'on' }]]), { default_variant: 'a', type: null })],
  ['keys alone among values', withVariants(from([[{ key: 'a' }, { key: 'b', value: '' }]]), { type: 'string', default_variant: 'a', fallthrough: { variant: 'b' } })],
  ['keys with weights', withVariants((random) => [{ key: 'a', weight: random.pick([0, 1, 0.5]) }, { key: 'b', weight: null }, { key: 'c', weight: 2 }, { key: 'd' }], { fallthrough: null, default_variant: 'd' })],
  ['values with weights', withVariants((random) => [{ key: 'a', value: true, weight: random.unit() }, { key: 'b', value: false, weight: 0.5 }])],
];

const set = (name, values) => (entry, random) => ({ ...entry, [name]: random.pick(values) });
const drop = (name) => ({ [name]: _, ...entry }) => entry;
const withConditions = (make) => ({ key }, random) => ({ key, [random.pick(['conditions', 'criteria'])]: make(random) });

export const segmentFaults = [
  ['not an object', (_, random) => random.pick([null, ...NOT_OBJECTS])],
  ['no key', drop('key')],
  ['key', set('key', [null, 5, true, [], '', 'a b', 's'.repeat(129), 'caf\u00e9', 'a\n'])],
  ['name', set('name', NOT_STRINGS)],
  ['conditions and criteria', ({ key }, random) => ({ key, conditions: CA, criteria: random.pick([CA, {}, 5]) })],
  ...badConditions.map(([name, draw]) => [`condition: ${name}`, withConditions((random) => nested(draw(random), random))]),
  ['segment in a segment', withConditions((random) => nested({ segment: random.pick(['beta', 'no.such', 's.1', 5]) }, random))],
  ['percentage in a segment', withConditions((random) => nested({ ...random.pick([CA, {}]), percentage: random.pick([50, 'x']) }, random))],
  ['too deep', withConditions((random) => deep(17, random))],
  ['include', set('include', [...NOT_LISTS, [5], [null], [['U-1']]])],
  ['exclude', set('exclude', [...NOT_LISTS, [5], [null], ['U-1', true]])],
  ['lone surrogate', set('include', [[HIGH]])],
  ['lone surrogate in an ignored field', set('comment', [HIGH, { [HIGH]: 1 }])],
];

export const segmentTwists = [
  ['nothing but a key', ({ key }) => ({ key })],
  ['all optional fields null', ({ key }) => ({ key, name: null, conditions: null, criteria: null, include: null, exclude: null })],
  ['key at its limit', (segment) => ({ ...segment, key: 'T'.repeat(128) })],
  ['exactly 16 deep', withConditions((random) => deep(16, random))],
  ['unknown fields', (segment) => ({ ...segment, comment: { all: 5 }, Include: 5, percentage: 50 })],
  ['null members', withConditions((random) => random.pick([{ ...CA, segment: null, percentage: null }, { all: [{ ...CA, atr: null }] }]))],
];
