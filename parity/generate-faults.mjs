// Ways for an entry of a document to be at fault, one for each rule of validity, and ways to look odd and be fine. Each
// is `[rule, apply(entry, random)]`, where apply gives the entry that stands in the document instead.

const KIB_64 = 65_536;
const HIGH = '\ud83d';
const LOW = '\ude00';

const BAD_TIMES = [
  '', 'now', '2026-11-21', '2026-11-21T10:00:00', '2026-11-21 10:00:00Z', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z',
  '2026-04-31T00:00:00Z', '2025-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-01T24:00:00Z',
  '2026-01-01T00:60:00Z', '2016-12-31T23:59:60Z', '2026-01-01T00:00:00.Z', '2026-01-01T00:00:00,5Z', '2026-01-01T00:00:00+24:00',
  '2026-01-01T00:00:00+00:60', '2026-01-01T00:00:00+0100', '2026-01-01T00:00:00 Z', '26-01-01T00:00:00Z', '+02026-01-01T00:00:00Z',
  '2026-1-1T00:00:00Z', '2026-01-01T00:00Z', ' 2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z\n', '2026-01-01T00:00:00\u2212' + '01:00',
  '\u0662026-01-01T00:00:00Z', 1.5, 2 ** 53, true, [], {},
];
const BAD_STAGES = [
  'staged_0', 'staged_100', 'staged_05', 'staged_', 'staged_1.5', 'staged_5 ', 'staged_-5', 'Staged_5', 'staged_\u0665', 'live', '', 5,
  true, ['draft'],
];
const BAD_KEYS = ['', 'k'.repeat(129), 'a b', 'a/b', 'caf\u00e9', 'a\n', '\u{1f600}', `a${HIGH}`];
const BAD_VERSIONS = [-1, 0.5, 2 ** 53, 1e300, '1', true];
const NOT_STRINGS = [5, true, [], {}];
const NOT_LISTS = ['on', 5, {}, true];
const NOT_OBJECTS = ['on', 5, [], true];

const set = (name, values) => (entry, random) => {
  entry[name] = random.pick(values);
  return entry;
};
const drop = (name) => (entry) => {
  delete entry[name];
  return entry;
};
const merge = (make) => (entry, random) => Object.assign(entry, make(random));

// The fields that a flag of another drawing may hold do not get in the way of what is set here.
const bare = (make) => (flag, random) => ({ key: flag.key, version: flag.version ?? 0, ...make(random) });

const WRONG_VALUES = [
  ['boolean', ['true', 0, null, []]],
  ['string', [0, true, null, {}]],
  ['integer', ['1', 1.5, 2 ** 53, 1e300, null, true]],
  ['number', ['1', null, true, []]],
];
const one = (value) => ({ key: 'one', value });

/** Fills the entry to exactly `bytes` of JSON, with an ignored field. */
function fill(entry, bytes, character) {
  entry.note = '';
  const left = bytes - Buffer.byteLength(JSON.stringify(entry));
  const width = Buffer.byteLength(character);
  entry.note = character.repeat(Math.floor(left / width)) + 'x'.repeat(left % width);
  return entry;
}

export const faults = [
  ['not an object', (_, random) => random.pick([null, ...NOT_OBJECTS])],
  ['no key', drop('key')],
  ['key null', set('key', [null])],
  ['key not a string', set('key', NOT_STRINGS)],
  ['key out of its alphabet or length', set('key', BAD_KEYS)],
  ['type', set('type', ['bool', 'Boolean', '', 5, ['string']])],
  ['state', set('state', ['ON', 'disabled', '', true, 1])],
  ['version', set('version', BAD_VERSIONS)],
  ['description', set('description', NOT_STRINGS)],
  ['owner', set('owner', NOT_STRINGS)],
  ['tags not a list', set('tags', NOT_LISTS)],
  ['tags not of strings', set('tags', [[5], ['a', null], [['a']]])],
  ['created_at', set('created_at', BAD_TIMES)],
  ['updated_at', set('updated_at', BAD_TIMES)],
  ['variants not a list', set('variants', NOT_LISTS)],
  ['variants missing', bare((random) => ({ type: random.pick(['string', 'integer', 'number', 'json']) }))],
  ['variants null', bare(() => ({ type: 'string', variants: null }))],
  ['variants empty', bare((random) => ({ type: random.pick(['string', 'json']), variants: [] }))],
  ['variant not an object', bare((random) => ({ variants: [random.pick([null, ...NOT_OBJECTS])] }))],
  ['variant without key', bare(() => ({ variants: [{ value: true }] }))],
  ['variant key not a string', bare((random) => ({ variants: [{ key: random.pick([null, ...NOT_STRINGS]), value: true }] }))],
  ['variant key empty', bare(() => ({ variants: [{ key: '', value: true }] }))],
  ['variant key too long', bare((random) => ({ variants: [{ key: random.pick(['v', '\u00e9', '\u{1f600}']).repeat(129), value: true }] }))],
  ['variant keys not unique', bare(() => ({ variants: [one(true), { key: 'two', value: false }, one(true)] }))],
  ['variant without value', bare((random) => ({ type: random.pick(['boolean', 'integer', 'number', 'json']), variants: [{ key: 'one' }] }))],
  ...WRONG_VALUES.map(([type, values]) => [
    `value not of type ${type}`,
    bare((random) => ({ type, variants: [one(random.pick(values))] })),
  ]),
  ['off_variant unknown', set('off_variant', ['nowhere', 'On', ''])],
  ['off_variant not a key', set('off_variant', [true, 0, []])],
  ['default_variant unknown', set('default_variant', ['nowhere', 'On', ''])],
  ['default_variant not a key', set('default_variant', [false, 1, {}])],
  ['metadata not an object', set('metadata', NOT_OBJECTS)],
  ['metadata not flat', set('metadata', [{ a: null }, { a: 'x', b: [] }, { a: {} }])],
  ['stage not an object', bare((random) => ({ stage: random.pick(NOT_OBJECTS) }))],
  ['stage without rollout_stage', bare((random) => ({ stage: random.pick([{}, { rollout_stage: null }, { rollout_stage_map: { dev: 'full' } }]) }))],
  ['rollout_stage', bare((random) => ({ stage: { rollout_stage: random.pick(BAD_STAGES) } }))],
  ['rollout_stage in the short form', bare((random) => ({ rollout_stage: random.pick(BAD_STAGES) }))],
  ['rollout_stage_map alone', bare((random) => ({ rollout_stage_map: random.pick([{}, { dev: 'full' }]) }))],
  ['rollout_stage_map not an object', bare((random) => ({ stage: { rollout_stage: 'full', rollout_stage_map: random.pick(NOT_OBJECTS) } }))],
  ['rollout_stage_map not of stages', bare((random) => ({ rollout_stage: 'full', rollout_stage_map: { dev: 'full', prod: random.pick([null, ...BAD_STAGES]) } }))],
  ['stage and its short form', bare((random) => ({ stage: { rollout_stage: 'full' }, ...random.pick([{ rollout_stage: 'full' }, { rollout_stage_map: {} }]) }))],
  ['bucketing', set('bucketing', ['djb2', 'djb2-XOR', '', 1])],
  ['bucket_by', set('bucket_by', ['', 5, ['user_id']])],
  ['salt', set('salt', NOT_STRINGS)],
  ['prerequisites', set('prerequisites', NOT_LISTS)],
  ['rules', set('rules', NOT_LISTS)],
  ['targets not an object', set('targets', NOT_OBJECTS)],
  ['targets.allow', set('targets', [...NOT_LISTS, [null], ['on'], [[]]].map((allow) => ({ allow })))],
  ['targets.allow variant', bare((random) => ({ targets: { allow: [random.pick([{ variant: 'nowhere', ids: [] }, { variant: true, ids: [] }, { ids: [] }])] } }))],
  ['targets.allow ids', bare((random) => ({ targets: { allow: [random.pick([{ variant: 'on', ids: 'U-1' }, { variant: 'on', ids: [1] }, { variant: 'on' }])] } }))],
  ['targets.deny', set('targets', [...NOT_LISTS, [1], [null], [['U-1']]].map((deny) => ({ deny })))],
  ['fallthrough not an object', set('fallthrough', NOT_OBJECTS)],
  ['serve of nothing', set('fallthrough', [{}, { variant: null }, { salt: 'x' }])],
  ['serve of both', bare(() => ({ fallthrough: { variant: 'on', distribution: [{ variant: 'on', weight: 1 }] } }))],
  ['serve of an unknown variant', set('fallthrough', [{ variant: 'nowhere' }, { variant: true }, { variant: '' }])],
  ['distribution not a list', set('fallthrough', NOT_LISTS.map((distribution) => ({ distribution })))],
  ['distribution empty', set('fallthrough', [{ distribution: [] }])],
  ['distribution of an unknown variant', bare(() => ({ fallthrough: { distribution: [{ variant: 'on', weight: 1 }, { variant: 'nowhere', weight: 0 }] } }))],
  ['distribution entry', bare((random) => ({ fallthrough: { distribution: [random.pick([null, 'on', { weight: 1 }, []])] } }))],
  ['weight', bare((random) => ({ fallthrough: { distribution: [{ variant: 'on', weight: 1 }, { variant: 'off', weight: random.pick([-1, -5e-324, '1', null, true]) }] } }))],
  ['weight missing', bare(() => ({ fallthrough: { distribution: [{ variant: 'on' }] } }))],
  ['weights of no sum', bare(() => ({ fallthrough: { distribution: [{ variant: 'on', weight: 0 }, { variant: 'off', weight: 0 }] } }))],
  ['weights of an infinite sum', bare(() => ({ fallthrough: { distribution: [{ variant: 'on', weight: 1e308 }, { variant: 'off', weight: 1e308 }] } }))],
  ['serve bucket_by', bare((random) => ({ fallthrough: { distribution: [{ variant: 'on', weight: 1 }], bucket_by: random.pick(['', 5]) } }))],
  ['serve salt', bare(() => ({ fallthrough: { distribution: [{ variant: 'on', weight: 1 }], salt: 5 } }))],
  ['kill_switch', set('kill_switch', ['', '*', 5, ['payments']])],
  ['sensitive', set('sensitive', [true, [], {}, { sensitive_flag: true }, { sensitive_flag: 'yes', requires_approval: true }])],
  ['approval_matrix_row', set('sensitive', [{ sensitive_flag: true, requires_approval: true, approval_matrix_row: 5 }])],
  ['high_impact', set('high_impact', ['yes', 1, []])],
  ['larger than 64 KiB', (flag) => fill(flag, KIB_64 + 1, 'x')],
  ['larger than 64 KiB in bytes alone', (flag) => fill(flag, KIB_64 + 1, '\u65e5')],
  ['lone surrogate in a string', set('description', [HIGH, LOW, `a${HIGH}b`, LOW + HIGH])],
  ['lone surrogate in a list', set('tags', [['a', HIGH]])],
  ['lone surrogate in metadata', set('metadata', [{ a: LOW }, { [`a${HIGH}`]: 'x' }])],
  ['lone surrogate in a value', bare((random) => ({ type: random.pick(['string', 'json']), variants: [one(`x${HIGH}`)] }))],
  ['lone surrogate inside a JSON value', bare((random) => ({ type: 'json', variants: [one(random.pick([[[LOW]], { a: { b: HIGH } }, { [LOW]: 1 }, [{ [`x${HIGH}`]: null }]]))] }))],
  ['lone surrogate in an environment', bare(() => ({ rollout_stage: 'full', rollout_stage_map: { [HIGH]: 'full' } }))],
  ['lone surrogate in a salt', set('salt', [LOW])],
  ['lone surrogate in an ignored field', set('comment', [HIGH, [LOW], { a: HIGH }, { [LOW]: 1 }])],
  ['lone surrogate as an ignored field', merge(() => ({ [HIGH]: 1 }))],
];

// Entries that are not at fault, though they are at a limit or look it.
export const twists = [
  ['key at its limit', set('key', ['A'.repeat(128), '.', '_', '-', '0'])],
  ['version at its limit', set('version', [0, 2 ** 53 - 1])],
  ['variant keys at their limit', bare((random) => ({ variants: [{ key: random.pick(['v', '\u00e9', '\u{1f600}']).repeat(128), value: true }, { key: ' ', value: false }] }))],
  ['optional fields null', (flag) => ({
    ...flag, description: null, owner: null, tags: null, created_at: null, updated_at: null, metadata: null, salt: null,
    bucket_by: null, bucketing: null, prerequisites: null, rules: null, targets: null, fallthrough: null, kill_switch: null,
    sensitive: null, high_impact: null, version: null, state: null,
  })],
  ['stage null beside the short form', bare((random) => random.pick([{ stage: null, rollout_stage: 'staged_50' }, { stage: { rollout_stage: 'staged_50' }, rollout_stage: null, rollout_stage_map: null }]))],
  ['staged at its limits', bare((random) => ({ rollout_stage: random.pick(['staged_1', 'staged_9', 'staged_10', 'staged_99']), bucketing: random.pick(['djb2-xor', 'djb2-xor-fmix32']) }))],
  ['variants empty on a boolean', bare(() => ({ variants: [], fallthrough: { variant: 'on' } }))],
  ['variants null on a boolean', bare(() => ({ type: null, variants: null, fallthrough: { variant: 'off' } }))],
  ['no variant is true', bare(() => ({ variants: [{ key: 'on', value: false }, { key: 'no', value: false }], rollout_stage: 'full' }))],
  ['no variant is false', bare(() => ({ variants: [{ key: 'off', value: true }], rollout_stage: 'draft' }))],
  ['json null as a value', bare(() => ({ type: 'json', variants: [one(null)], default_variant: 'one' }))],
  ['exactly 64 KiB', (flag) => fill(flag, KIB_64, 'x')],
  ['exactly 64 KiB, beyond ASCII', (flag, random) => fill(flag, KIB_64, random.pick(['\u00e9', '\u65e5', '\u{1f600}']))],
  ['weights near the end of doubles', bare((random) => ({ fallthrough: { distribution: random.pick([[1e308, 7e307], [5e307, 1e308], [5e-324, 5e-324, 1e-323], [0, 1e308, 0]]).map((weight, i) => ({ variant: i % 2 ? 'off' : 'on', weight })) } }))],
  ['weights of many', bare((random) => ({ fallthrough: { distribution: random.list(20, 60, (i) => ({ variant: i % 2 ? 'off' : 'on', weight: random.unit() })) } }))],
  ['variant null beside a distribution', bare(() => ({ fallthrough: { variant: null, distribution: [{ variant: 'on', weight: 1 }], bucket_by: null, salt: null } }))],
  ['empty targets', set('targets', [{}, { allow: [], deny: [] }, { allow: null, deny: null }])],
  ['times at their limits', merge((random) => ({
    created_at: random.pick(['0000-01-01T00:00:00Z', '2000-02-29T23:59:59.9999999999999999999Z', '9999-12-31T23:59:59-23:59', -(2 ** 53 - 1)]),
    updated_at: random.pick(['2024-02-29t00:00:00z', '1970-01-01T00:00:00.1-00:00', 2 ** 53 - 1]),
  }))],
  ['unknown fields', merge(() => ({ comment: { key: 5, flags: [null] }, Type: 7, '': 0, rolloutStage: 'x', toString: 'x' }))],
  ['a pair of surrogates', set('description', [HIGH + LOW, `a${HIGH}${LOW}b`])],
];

export const rowFaults = [
  ['not an object', (_, random) => random.pick([null, ...NOT_OBJECTS])],
  ['no scope', drop('scope')],
  ['scope', set('scope', ['project', 'User', '', null, 5])],
  ['no id', drop('id')],
  ['id', set('id', ['', null, 42, ['U-1']])],
  ['no flag', drop('flag')],
  ['flag', set('flag', [null, 5, {}])],
  ['no variant', drop('variant')],
  ['variant', set('variant', [null, 1, {}, ['on']])],
  ['expires_at', set('expires_at', BAD_TIMES)],
  ['created_at', set('created_at', BAD_TIMES)],
  ['approval_ref', set('approval_ref', NOT_STRINGS)],
  ['reason', set('reason', NOT_STRINGS)],
  ['created_by', set('created_by', NOT_STRINGS)],
  ['lone surrogate in the id', set('id', [HIGH, `U-1${LOW}`])],
  ['lone surrogate in the flag', set('flag', [HIGH])],
  ['lone surrogate in the variant', set('variant', [LOW])],
  ['lone surrogate in the reason', set('reason', [`because ${LOW}`])],
  ['lone surrogate in an ignored field', set('comment', [HIGH, { [HIGH]: 1 }])],
];

export const switchFaults = [
  ['not an object', (_, random) => random.pick([null, '*', 5, []])],
  ['no category', drop('category')],
  ['category', set('category', ['', null, 5, ['payments']])],
  ['engaged', set('engaged', ['yes', 0, 1, []])],
  ['lone surrogate in the category', set('category', [HIGH])],
  ['lone surrogate in an ignored field', set('comment', [LOW])],
];

// These refuse the document.
export const documentFaults = [
  ['not an object', (_, random) => random.pick([null, 5, true, [], [{ flags: [] }]])],
  ['schema', set('schema', ['burgee.snapshot/2', 'burgee.snapshot', '', 1, []])],
  ['tenant', set('tenant', [5, true, [], {}, HIGH])],
  ['version', set('version', BAD_VERSIONS)],
  ['generated_at', set('generated_at', BAD_TIMES)],
  ['no flags', drop('flags')],
  ['flags', set('flags', [null, ...NOT_LISTS])],
  ['segments', set('segments', NOT_LISTS)],
  ['overrides', set('overrides', NOT_LISTS)],
  ['kill_switches', set('kill_switches', NOT_LISTS)],
  ['more than 1,000 segments', (document) => ({ ...document, segments: manySegments(1001) })],
];

export const manySegments = (count) => Array.from({ length: count }, (_, i) => ({ key: `s${i}` }));
