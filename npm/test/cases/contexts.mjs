// Contexts as callers really bring them, and as callers bring them who mean no good.

import { caught, equal, ok, refuses } from './check.mjs';
import { IN, OUT, registry } from './registry.mjs';

/** The bucket of a user, as the page on evaluation has it: written here a second time, to compare with. */
function bucketOf(user) {
  let hash = 5381;
  for (const unit of `${user}|syn.staged_25`.split('')) hash = (((hash << 5) + hash) ^ unit.charCodeAt(0)) >>> 0;
  return hash % 100;
}

const KINDS = {
  'an object': (snapshot, attributes) => snapshot.decide('syn.staged_25', attributes),
  'a context': (snapshot, attributes) => snapshot.decide('syn.staged_25', snapshot.context(attributes)),
  'a drop-in request': (snapshot, context) => snapshot.FF.evaluate(registry(), { key: 'syn.staged_25', context }),
};

/** Expects the bucket of `user`, or none, in every way of handing a context over. */
function bucketsAs(FF, attributes, user) {
  const snapshot = Object.assign(new FF.Snapshot(registry()), { FF });
  for (const [kind, decide] of Object.entries(KINDS)) {
    const { bucket, reason } = decide(snapshot, attributes);
    if (user === undefined) equal(reason, 'no_bucketing_unit', kind);
    else equal(bucket, bucketOf(user), kind);
  }
  const kept = snapshot.evaluate('syn.staged_25', snapshot.context(attributes));
  equal(kept, snapshot.evaluate('syn.staged_25', attributes), 'kept and fresh');
}

const UNITS = [
  [{ user_id: 'bucket-low-1' }, 'bucket-low-1'],
  [{ user_id: '\ud800' }, '\ud800'],
  [{ user_id: 'x\udc00y' }, 'x\udc00y'],
  [{ user_id: '\udc00\ud800' }, '\udc00\ud800'],
  [{ user_id: '\u{1f600}\u65c5\u00e9\u0000' }, '\u{1f600}\u65c5\u00e9\u0000'],
  [{ user_id: 42 }, '42'],
  [{ user_id: -0 }, '0'],
  [{ user_id: Number.MAX_SAFE_INTEGER }, '9007199254740991'],
  [{ user_id: -7, project_id: 'P' }, '-7'],
  [{ user_id: '', project_id: 'P' }, 'P'],
  [{ user_id: null, project_id: 'P' }, 'P'],
  [{ project_id: 'P' }, 'P'],
  [{ user_id: NaN, project_id: 'P' }, 'P'],
  [{ user_id: Infinity }, undefined],
  [{ user_id: 1.5 }, undefined],
  [{ user_id: Number.MAX_SAFE_INTEGER + 1 }, undefined],
  [{ user_id: true }, undefined],
  [{ user_id: ['bucket-low-1'] }, undefined],
  [{ user_id: { toString: () => 'bucket-low-1' } }, undefined],
  [{ user_id: new String('bucket-low-1') }, undefined],
  [{ user_id: 42n }, undefined],
  [{ user_id: Symbol('U-1') }, undefined],
  [{ user_id: () => 'U-1' }, undefined],
  [{ user_id: new Date(0), toJSON: () => ({ user_id: 'U-1' }) }, undefined],
  [{}, undefined],
  [Object.assign(Object.create(null), { user_id: 'U-1' }), 'U-1'],
  [Object.assign(Object.create({ user_id: 'inherited' }), { project_id: 'P' }), 'P'],
  [new (class { user_id = 'U-1'; })(), 'U-1'],
  [new Proxy({ user_id: 'U-1' }, {}), 'U-1'],
];

/** Conditions on the attribute `a`, which ask for its symbol, its text, its type, or several of them. */
const ASKING = [
  { attr: 'a', op: 'equals', value: 'x' },
  { attr: 'a', op: 'equals', value: '' },
  { attr: 'a', op: 'equals', value: '\u{1f600}' },
  { attr: 'a', op: 'not_equals', value: 'x' },
  { attr: 'a', op: 'equals', value: 3 },
  { attr: 'a', op: 'equals', value: true },
  { attr: 'a', op: 'exists', value: true },
  { attr: 'a', op: 'in', values: ['x', 'y'] },
  { attr: 'a', op: 'not_in', values: ['x', 3, true] },
  { attr: 'a', op: 'in', values: [3, 0] },
  { attr: 'a', op: 'in', values: Array.from('abcdefxyz') },
  { attr: 'a', op: 'starts_with', value: 'x' },
  { attr: 'a', op: 'contains', value: 'x' },
  { attr: 'a', op: 'gte', value: 3 },
  { attr: 'a', op: 'semver_gte', value: '1.2.0' },
  { attr: 'a', op: 'before', value: '2026-01-01T00:00:00Z' },
  { any: Array.from('uvwxyz123', (value) => ({ attr: 'a', op: 'equals', value })) },
  { all: [{ attr: 'a', op: 'in', values: ['x', 'xy'] }, { attr: 'a', op: 'starts_with', value: 'xy' }] },
  { any: [{ attr: 'a', op: 'in', values: Array.from('abcdef') }, { attr: 'a', op: 'equals', value: 'x' }] },
  { not: { segment: 's' } },
  { attr: 'tier', op: 'equals', value: 'anonymous' },
];

/** Rules' members that ask for `a`, or for the user, to bucket by. */
const BUCKETING = [{}, { percentage: 50 }, { percentage: 50, bucket_by: 'a' }, { percentage: 50, bucket_by: 'a', salt: 's' }];

/** What `a` may be. What is on the second line is no more than there, and on the last not even that. */
const VALUES = [
  ...['x', 'y', 'xy', 'X', '', '3', '1.3.0', '2025-01-01T00:00:00Z', 'é', '\u{1f600}', '\ud800', 'x\udc00', 'x'.repeat(3000), 3, 0, -0, 2.5, NaN, true, false],
  ...[['x'], ['x', 3, ['x']], [], {}, { x: 'x' }, new Map([['x', 'x']]), new String('x'), new Date(0)],
  ...[null, undefined, 3n, Symbol('x'), () => 'x'],
];

/** Contexts in which `a` is a value. It counts only as an object's own, but need not be listed, and may be got. */
const HOLDING = [
  (a) => ({ a }),
  (a) => ({ user_id: 'u-1', tier: a, a, more: 1 }),
  (a) => ({ user_id: a, project_id: a, a }),
  (a) => ({ user_id: '', project_id: a, get a() { return a; } }),
  (a) => Object.assign(Object.create({ a: 'x', user_id: 'u-1' }), { tier: a }),
  (a) => Object.defineProperty({}, 'a', { value: a }),
  (a) => new Proxy({ more: 1, a, user_id: 'u-1' }, {}),
];

/** Those of which a context that is kept takes the same: it takes what is enumerable. */
const isKeptWhole = (context) => Object.keys(context).length === Object.getOwnPropertyNames(context).length;

export const contexts = {
  'a flag evaluates as its steps say, whatever it asks of a text': (FF) => {
    const flags = ASKING.flatMap((when, i) =>
      BUCKETING.map((members, j) => ({
        key: `${i}.${j}`,
        default_variant: 'off',
        prerequisites: i % 8 === 0 ? [] : [{ flag: `${i - 1}.${j}`, variants: ['on', 'off'] }],
        rules: [
          { id: 'first', when, ...members, serve: { variant: 'on' } },
          { id: 'second', when: { attr: 'b', op: 'exists', value: true }, percentage: 50, salt: 'other', serve: { variant: 'on' } },
        ].slice(0, 1 + (j % 2)),
      })),
    );
    const snapshot = new FF.Snapshot({ flags, segments: [{ key: 's', include: ['x', '\u{1f600}'], conditions: ASKING[0] }] });
    equal(snapshot.warnings, []);
    const counts = { fresh: 0, kept: 0 };
    for (const value of VALUES) {
      for (const holding of HOLDING) {
        const context = holding(value);
        const kept = isKeptWhole(context) ? snapshot.context(context) : undefined;
        for (const { key } of flags) {
          const { value, variant, reason, source, rule_id } = snapshot.decide(key, context);
          const fresh = snapshot.evaluate(key, context);
          equal([fresh.value, fresh.variant, fresh.reason, fresh.source, fresh.rule_id], [value, variant, reason, source, rule_id ?? null], key);
          counts.fresh++;
          if (kept === undefined) continue;
          ok(snapshot.evaluate(key, kept) === fresh, key);
          counts.kept++;
        }
        kept?.free();
      }
    }
    equal(counts, { fresh: 33 * 7 * 84, kept: 33 * 6 * 84 });
  },

  'users are who their id says, unit by unit': (FF) => {
    for (const [attributes, user] of UNITS) bucketsAs(FF, attributes, user);
    equal(UNITS.length, 29);
  },

  'two ids that differ in a lone surrogate are two users': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const bucket = (user_id) => snapshot.explain('colour', { user_id }).bucket;
    equal(new Set(['\ud800', '\ud801', '\udc00', '\ufffd'].map(bucket)).size, 4);
  },

  'ids of a document are those of a context, in every script': (FF) => {
    const ids = ['\u{1f600}', '\u00e9', 'e\u0301', '\u65c5', '\u{20bb7}x', 'a\u0000', ' U-1', '42'];
    for (const id of ids) {
      const snapshot = new FF.Snapshot({
        flags: [{ key: 'a', state: 'off' }, { key: 'b', targets: { deny: [id] } }],
        overrides: [{ scope: 'user', id, flag: 'a', variant: true }],
      });
      for (const user_id of ids) {
        const of = [snapshot.evaluate('a', { user_id }).value, snapshot.evaluate('b', snapshot.context({ user_id })).value];
        equal(of, user_id === id ? [true, false] : [false, true], `${id} and ${user_id}`);
      }
    }
  },

  'a long id counts to its last unit': (FF) => {
    const COUNT = 1_000_000;
    const snapshot = new FF.Snapshot(registry());
    for (const unit of ['a', '\u65c5']) {
      const long = `${unit.repeat(COUNT)}z`;
      bucketsAs(FF, { user_id: long }, long);
      // A context that needs little room after one that needed much.
      equal(snapshot.decide('syn.staged_25', { user_id: long }).bucket, bucketOf(long));
      equal(snapshot.decide('syn.staged_25', IN).bucket, 4);
    }
    equal(FF.hashBucket('0'.repeat(COUNT)), FF.hashBucket('0'.repeat(COUNT)));
  },

  'attributes that are not asked for are not read': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const attributes = { ...IN, get secret() { throw new Error('read'); } };
    equal(snapshot.evaluate('syn.staged_25', attributes).reason, 'staged_in');
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`a${i}`, 'x'.repeat(100)]));
    equal(snapshot.evaluate('syn.staged_25', { ...many, ...IN }).reason, 'staged_in');
    equal(snapshot.evaluate('syn.staged_25', snapshot.context({ ...many, ...IN })).reason, 'staged_in');
  },

  'lists and objects in themselves come to an end': (FF) => {
    const list = ['a'];
    list.push(list, [list]);
    const object = { list };
    object.self = object;
    bucketsAs(FF, { ...IN, plan: list, groups: object }, IN.user_id);
    const snapshot = new FF.Snapshot(registry());
    for (const plan of [list, object, [], [[[[[[['deep']]]]]]], [, undefined, null, () => 1, NaN]]) {
      equal(snapshot.evaluate('by.plan', { ...IN, plan }).reason, 'no_bucketing_unit');
      equal(snapshot.evaluate('by.plan', snapshot.context({ ...IN, plan })).reason, 'no_bucketing_unit');
    }
    const itself = { ...IN };
    itself.itself = itself;
    bucketsAs(FF, itself, IN.user_id);
  },

  'names that every object inherits are attributes only where they are written': (FF) => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf']) {
      const snapshot = new FF.Snapshot({ flags: [{ key: 'a', bucket_by: name, stage: { rollout_stage: 'staged_99' } }] });
      for (const of of [(attributes) => attributes, (attributes) => snapshot.context(attributes)]) {
        equal(snapshot.evaluate('a', of({})).reason, 'no_bucketing_unit', name);
        equal(snapshot.decide('a', of(JSON.parse(`{"${name}":"bucket-low-1"}`))).bucket, FF.hashBucket('bucket-low-1|a'), name);
      }
    }
  },

  'a getter runs once for an evaluation, and its error is the caller\'s': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    let count = 0;
    const counting = { get user_id() { count++; return 'bucket-low-1'; } };
    equal(snapshot.decide('syn.staged_25', counting).bucket, 4);
    equal(count, 1);
    FF.evaluateBatch(registry(), { flags: ['syn.staged_25', 'colour', 'timed'], context: counting });
    equal(count, 2);
    // Whether or not what it gives can be told the short way, and where it gives nothing.
    const reading = new FF.Snapshot({
      flags: [{ key: 'a', rules: [{ id: 'r', when: { attr: 'list', op: 'contains', value: 'x' }, percentage: 50, serve: { variant: 'on' } }] }],
    });
    for (const value of ['bucket-low-1', 'é', undefined, null, ['x']]) {
      count = 0;
      reading.evaluate('a', { get user_id() { count++; return value; }, list: ['x'], get project_id() { return 'P'; } });
      equal(count, 1, String(value));
    }
    const error = new RangeError('Maximum call stack size exceeded, says the caller');
    const failing = { get user_id() { throw error; } };
    const context = snapshot.context(IN);
    const before = FF.__memoryBytes();
    for (const use of [
      () => snapshot.evaluate('syn.staged_25', failing),
      () => snapshot.evaluateAll(failing),
      () => snapshot.context(failing),
      () => FF.evaluate(registry(), { key: 'syn.staged_25', context: failing }),
      () => snapshot.evaluate('off', IN, { overrides: { get user() { throw error; } } }),
      () => snapshot.evaluate('off', IN, { get now() { throw error; } }),
    ]) ok(caught(use) === error, 'the very error');
    equal(snapshot.decide('syn.staged_25', context).bucket, 4);
    equal(FF.__memoryBytes(), before, 'the same instance');
  },

  'a getter may evaluate, with the very snapshot that it is read for': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const nested = {
      tier: 'staff',
      get user_id() {
        // Other values, and more of them, into the same scratch buffer.
        snapshot.decide('syn.staged_25', { user_id: 'U-1'.repeat(50_000), project_id: 'P' });
        snapshot.evaluateAll(OUT);
        FF.evaluate(registry(), { key: 'colour', context: OUT });
        return 'bucket-low-1';
      },
      get project_id() { return `${snapshot.evaluate('off', IN).variant}`; },
    };
    bucketsAs(FF, nested, 'bucket-low-1');
    equal(snapshot.decide('syn.staged_25', nested).bucket, 4);
    equal(snapshot.evaluateAll(nested)['staff.only'], true);
    equal(snapshot.evaluate('syn.staged_25', nested, { get now() { return snapshot.evaluate('off', IN).flag_version; } }).reason, 'staged_in');
  },

  'a getter that makes memory grow loses nothing': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    // A new instance is a small one, which need not grow by much.
    caught(FF.__trap);
    equal(snapshot.decide('syn.staged_25', OUT).bucket, 70);
    const before = FF.__memoryBytes();
    const growing = {
      get user_id() {
        // Hashing takes room for its text.
        FF.hashBucket('x'.repeat(before));
        return 'bucket-low-1';
      },
      project_id: 'P',
    };
    equal(snapshot.decide('syn.staged_25', growing).bucket, 4);
    ok(FF.__memoryBytes() > before, 'memory did not grow');
  },

  'a getter that frees the snapshot or fails the evaluator harms nobody else': (FF) => {
    const bystander = new FF.Snapshot(registry());
    const context = bystander.context(IN);
    const doomed = new FF.Snapshot(registry());
    const freeing = { get user_id() { doomed.free(); return 'U-1'; }, project_id: 'P' };
    refuses(FF, () => doomed.evaluate('syn.staged_25', freeing), 'freed');
    equal(bystander.evaluate('syn.staged_25', context).reason, 'staged_in');
    const trapping = { get user_id() { caught(FF.__trap); return 'bucket-low-1'; }, project_id: 'P' };
    bucketsAs(FF, trapping, 'bucket-low-1');
    equal(bystander.evaluate('syn.staged_25', context).reason, 'staged_in');
  },

  'a proxy is asked for what is its own': (FF) => {
    const asked = new Set();
    const target = { user_id: 'bucket-low-1' };
    const proxy = new Proxy(target, {
      get: (object, name) => (asked.add(String(name)), object[name]),
      getOwnPropertyDescriptor: (object, name) => Object.getOwnPropertyDescriptor(object, name),
    });
    const snapshot = new FF.Snapshot(registry());
    equal(snapshot.decide('syn.staged_25', proxy).bucket, 4);
    ok(!asked.has('constructor'));
  },
};
