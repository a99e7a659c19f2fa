// Facts worked out by hand from docs/evaluation.md, which hold the oracle itself.
//
//   node --test parity/reference/evaluator.test.mjs
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

const FF = createRequire(import.meta.url)('./evaluator.js');

const NOW = Date.UTC(2026, 10, 21, 10);
const HIGH = '\ud83d';

// One flag, asked once.
const ask = (flag, context = {}, { overrides, now = NOW, ...document } = {}) =>
  FF.evaluate({ ...document, flags: [{ key: 'f', ...flag }] }, { key: 'f', context, overrides, now });
const warningsOf = (document) => FF.load({ flags: [], ...document }).warnings.map(({ code, pointer }) => `${pointer} ${code}`);
const isValid = (flag) => warningsOf({ flags: [{ key: 'f', ...flag }] }).length === 0;
const steps = (decision) => decision.reason_chain.map(({ step, outcome }) => `${step}:${outcome}`);
const brief = ({ variant, source, reason }) => [variant, source, reason].join(' ');

const COLOURS = { type: 'string', variants: [{ key: 'red', value: 'r' }, { key: 'blue', value: 'b' }] };
const split = (...weights) => ({
  fallthrough: { distribution: weights.map((weight, i) => ({ variant: i % 2 ? 'blue' : 'red', weight })) },
});

describe('hashing', () => {
  test('of nothing it is the start value', () => assert.equal(FF.hashBucket(''), 5381 % 100));
  test('of one unit it is one round: (5381 * 33) ^ 97', () => assert.equal(FF.hashBucket('a'), ((5381 * 33) ^ 97) % 100));
  test('the known vector', () => assert.equal(FF.hashBucket('bucket-low-1|syn.staged_25'), 4));
  test('runs over units of UTF-16, lone ones too', () => {
    assert.equal(FF.hashBucket(HIGH), ((5381 * 33) ^ 0xd83d) % 100);
    assert.notEqual(FF.hashBucket('\u00e9'), FF.hashBucket('e\u0301'));
  });
  test('wraps at 32 bits, unsigned', () => {
    let h = 5381n;
    for (const unit of 'a longer text that overflows') h = ((h * 33n) & 0xffffffffn) ^ BigInt(unit.charCodeAt(0));
    assert.equal(FF.hashBucket('a longer text that overflows'), Number(h % 100n));
  });
  test('fmix32 leaves zero at zero and has the published value for one', () => {
    // Both are reached through a unit that hashes so; the chance of a wrong mixer agreeing on 2000 units is none.
    const flag = { key: 'f', ...COLOURS, ...split(1, 1) };
    const mix = (h) => {
      let x = BigInt(h);
      x ^= x >> 16n;
      x = (x * 0x85ebca6bn) & 0xffffffffn;
      x ^= x >> 13n;
      x = (x * 0xc2b2ae35n) & 0xffffffffn;
      return x ^ (x >> 16n);
    };
    assert.equal(mix(0), 0n);
    assert.equal(mix(1), 0x514e28b7n);
    for (let i = 0; i < 2000; i += 1) {
      let h = 5381n;
      for (const unit of `t|f|U-${i}`) h = ((h * 33n) & 0xffffffffn) ^ BigInt(unit.charCodeAt(0));
      const decision = FF.evaluate({ tenant: 't', flags: [flag] }, { key: 'f', context: { user_id: `U-${i}` } });
      assert.equal(decision.bucket, Number(mix(h)) / 2 ** 32);
    }
  });
});

describe('the walk', () => {
  test('a flag with nothing but a key is on by default', () => {
    assert.deepEqual(ask({}), {
      flag_key: 'f', enabled: true, value: true, variant: 'on', source: 'default', reason: 'default', flag_version: 0,
      reason_chain: [
        { step: 'kill_switch', outcome: 'absent' }, { step: 'inline_user_override', outcome: 'absent' },
        { step: 'inline_tenant_override', outcome: 'absent' }, { step: 'store_user_override', outcome: 'absent' },
        { step: 'store_tenant_override', outcome: 'absent' }, { step: 'off', outcome: 'no_match' },
        { step: 'default', outcome: 'match' },
      ],
    });
  });
  test('an unknown flag', () => {
    for (const key of ['g', '', HIGH, '__proto__', 'constructor', 'toString']) {
      assert.deepEqual(FF.evaluate({ flags: [{ key: 'f' }] }, { key, context: {} }), {
        flag_key: key, enabled: false, value: null, variant: null, source: 'unknown_flag', reason: 'unknown_flag',
        flag_version: null, reason_chain: [{ step: 'unknown_flag', outcome: 'match' }],
      });
    }
  });
  test('an invalid flag', () => {
    assert.deepEqual(ask({ state: 'ON', version: 3 }, {}, { kill_switches: [{ category: '*' }] }), {
      flag_key: 'f', enabled: false, value: null, variant: null, source: 'off', reason: 'flag_invalid', flag_version: null,
      reason_chain: [{ step: 'off', outcome: 'match' }],
    });
  });
  test('state off', () => assert.equal(brief(ask({ state: 'off' })), 'off off flag_off'));
  test('kill switches: the global one first, then the category, and neither for others', () => {
    const flag = { kill_switch: 'payments' };
    const asked = (...kill_switches) => brief(ask(flag, {}, { kill_switches, overrides: { user: { f: true } } }));
    assert.equal(asked({ category: 'payments' }, { category: '*' }), 'off kill_switch kill_switch_global');
    assert.equal(asked({ category: 'payments', engaged: null }), 'off kill_switch kill_switch_category');
    assert.equal(asked({ category: 'payments', engaged: false }), 'on inline_user_override user_override_precedence');
    assert.equal(asked({ category: 'search' }), 'on inline_user_override user_override_precedence');
  });
  test('overrides go before off, targets and stages, user before tenant, inline before stored', () => {
    const flag = { state: 'off', targets: { deny: ['u'] }, rollout_stage: 'draft' };
    const context = { user_id: 'u', tenant_id: 't' };
    const row = (scope, id) => ({ scope, id, flag: 'f', variant: true });
    const stored = [row('user', 'u'), row('tenant', 't')];
    const document = { flags: [{ key: 'f', ...flag }], overrides: stored };
    const source = (overrides) => FF.evaluate(document, { key: 'f', context, overrides, now: NOW }).source;
    assert.equal(source({ user: { f: false }, tenant: { f: true } }), 'inline_user_override');
    assert.equal(source({ tenant: { f: true } }), 'inline_tenant_override');
    assert.equal(source(undefined), 'store_user_override');
    assert.equal(FF.evaluate({ ...document, overrides: stored.slice(1) }, { key: 'f', context }).source, 'store_tenant_override');
    assert.equal(FF.evaluate({ ...document, overrides: [] }, { key: 'f', context }).source, 'off');
  });
  test('an override that means no variant is passed over', () => {
    for (const override of ['nope', '', 1, NaN, [], {}, HIGH]) {
      assert.deepEqual(steps(ask({}, {}, { overrides: { user: { f: override } } }))[1], 'inline_user_override:unknown_variant');
    }
    assert.equal(steps(ask(COLOURS, {}, { overrides: { user: { f: true } } }))[1], 'inline_user_override:unknown_variant');
    assert.equal(steps(ask({}, {}, { overrides: { user: { f: null } } }))[1], 'inline_user_override:absent');
  });
  test('an override of true is the first variant that is true', () => {
    const variants = [{ key: 'no', value: false }, { key: 'a', value: true }, { key: 'b', value: true }];
    assert.equal(ask({ variants }, {}, { overrides: { tenant: { f: true } } }).variant, 'a');
    assert.equal(ask({ variants: variants.slice(1) }, {}, { overrides: { tenant: { f: false } } }).source, 'default');
  });
  test('targets: deny before allow, by user, else by project', () => {
    const flag = { ...COLOURS, off_variant: 'red', targets: { allow: [{ variant: 'blue', ids: ['u', '42', 'v'] }], deny: ['v'] } };
    assert.equal(brief(ask(flag, { user_id: 'u' })), 'blue target allow_list');
    assert.equal(brief(ask(flag, { user_id: 42 })), 'blue target allow_list');
    assert.equal(brief(ask(flag, { user_id: 'v' })), 'red target deny_list');
    assert.equal(brief(ask(flag, { user_id: '', project_id: 'u' })), 'blue target allow_list');
    assert.equal(brief(ask(flag, { user_id: 'w', project_id: 'u' })), ' default default');
    assert.ok(!steps(ask(COLOURS)).includes('target:no_match'));
    assert.ok(steps(ask({ ...COLOURS, targets: {} })).includes('target:no_match'));
  });
  test('prototype names as ids, environments, categories and attributes are nothing special', () => {
    assert.equal(ask({ targets: { deny: ['__proto__'] } }, { user_id: '__proto__' }).reason, 'deny_list');
    assert.equal(ask({ rollout_stage: 'draft', rollout_stage_map: {} }, { env: 'constructor' }).rollout_stage, 'draft');
    const stages = JSON.parse('{"__proto__":"full"}');
    assert.equal(ask({ rollout_stage: 'draft', rollout_stage_map: stages }, { env: '__proto__' }).rollout_stage, 'full');
    assert.equal(ask({ rollout_stage: 'staged_50', bucket_by: 'toString' }, { user_id: 'u' }).reason, 'no_bucketing_unit');
    assert.equal(ask({ rollout_stage: 'staged_50', bucket_by: '__proto__' }, JSON.parse('{"__proto__":"u"}')).source, 'staged_bucket');
    assert.equal(FF.evaluate({ flags: [{ key: 'toString' }] }, { key: 'toString', context: {}, overrides: { user: {} } }).source, 'default');
  });
});

describe('stages', () => {
  const stage = (rollout_stage, context) => brief(ask({ rollout_stage }, context));
  test('each', () => {
    assert.equal(stage('draft'), 'off rollout_stage_map stage_draft');
    assert.equal(stage('internal', { tier: 'staff' }), 'on rollout_stage_map stage_internal_staff');
    assert.equal(stage('internal', { tier: 'Staff' }), 'off rollout_stage_map stage_internal_not_staff');
    assert.equal(stage('internal', { tier: ['staff'] }), 'off rollout_stage_map stage_internal_not_staff');
    assert.equal(stage('full'), 'on rollout_stage_map stage_full');
    assert.equal(stage('paused'), 'off rollout_stage_map stage_paused');
    assert.equal(stage('rolled_back'), 'off rollout_stage_map stage_rolled_back');
  });
  test('the environment is dev where none is named', () => {
    const flag = { stage: { rollout_stage: 'draft', rollout_stage_map: { dev: 'full', '': 'paused' } } };
    for (const env of [undefined, null, 5, ['dev']]) assert.equal(ask(flag, { env }).rollout_stage, 'full');
    assert.equal(ask(flag, { env: '' }).rollout_stage, 'paused');
    assert.equal(ask(flag, { env: 'prod' }).rollout_stage, 'draft');
  });
  test('staged_N is in below N, and not at N', () => {
    const at = (bucket) => {
      for (let i = 0; ; i += 1) if (FF.hashBucket(`u${i}|f`) === bucket) return { user_id: `u${i}` };
    };
    for (const [bucket, percentage, reason] of [[0, 1, 'staged_in'], [1, 1, 'staged_out'], [28, 29, 'staged_in'], [29, 29, 'staged_out'], [98, 99, 'staged_in'], [99, 99, 'staged_out']]) {
      const decision = ask({ rollout_stage: `staged_${percentage}` }, at(bucket));
      assert.deepEqual([decision.reason, decision.bucket, decision.threshold], [reason, bucket, percentage]);
    }
  });
  test('staged_N under the other bucketing has a cut in 2^32', () => {
    const decision = ask({ rollout_stage: 'staged_25', bucketing: 'djb2-xor-fmix32' }, { user_id: 'u' });
    assert.equal(decision.threshold, 0.25);
    assert.equal(ask({ rollout_stage: 'staged_1', bucketing: 'djb2-xor-fmix32' }).threshold, 42949672 / 2 ** 32);
  });
  test('without a unit: off, with a threshold and no bucket', () => {
    const decision = ask({ rollout_stage: 'staged_99' });
    assert.equal(brief(decision), 'off staged_bucket no_bucketing_unit');
    assert.equal(decision.threshold, 99);
    assert.ok(!('bucket' in decision));
  });
  test('on means the first true variant of a boolean flag, and else the default one', () => {
    const variants = [{ key: 'no', value: false }, { key: 'yes', value: true }];
    assert.equal(ask({ variants, default_variant: 'no', rollout_stage: 'full' }).variant, 'yes');
    assert.equal(ask({ variants: variants.slice(0, 1), rollout_stage: 'full' }).variant, null);
    assert.equal(ask({ ...COLOURS, default_variant: 'blue', rollout_stage: 'full' }).value, 'b');
    assert.equal(ask({ ...COLOURS, rollout_stage: 'full' }).variant, null);
  });
  test('a stage goes before the fallthrough', () => assert.equal(ask({ rollout_stage: 'draft', fallthrough: { variant: 'on' } }).variant, 'off'));
});

describe('units', () => {
  const bucketed = (context, flag = {}) => ask({ rollout_stage: 'staged_50', ...flag }, context);
  const unit = (context, flag) => bucketed(context, flag).bucket;
  test('are texts and whole numbers', () => {
    assert.equal(unit({ user_id: 42 }), FF.hashBucket('42|f'));
    assert.equal(unit({ user_id: -7 }), FF.hashBucket('-7|f'));
    assert.equal(unit({ user_id: -0 }), FF.hashBucket('0|f'));
    assert.equal(unit({ user_id: 2 ** 53 - 1 }), FF.hashBucket('9007199254740991|f'));
    assert.equal(unit({ user_id: HIGH }), FF.hashBucket(`${HIGH}|f`));
    for (const user_id of ['', null, NaN, 1.5, 2 ** 53, 1e300, Infinity, true, [], ['u'], {}]) assert.equal(unit({ user_id }), undefined);
  });
  test('fall back to the project, but not where an attribute is named', () => {
    assert.equal(unit({ user_id: '', project_id: 'p' }), FF.hashBucket('p|f'));
    assert.equal(unit({ user_id: 'u', project_id: 'p' }, { bucket_by: 'device' }), undefined);
    assert.equal(unit({ device: 'd' }, { bucket_by: 'device' }), FF.hashBucket('d|f'));
  });
  test('stored overrides do not fall back', () => {
    const overrides = [{ scope: 'user', id: 'p', flag: 'f', variant: false }];
    const document = { flags: [{ key: 'f' }], overrides };
    assert.equal(FF.evaluate(document, { key: 'f', context: { project_id: 'p' } }).source, 'default');
    assert.equal(FF.evaluate(document, { key: 'f', context: { user_id: 'p' } }).source, 'store_user_override');
  });
});

describe('distributions', () => {
  const users = Array.from({ length: 400 }, (_, i) => ({ user_id: `u${i}` }));
  test('serve the first entry whose cut is beyond the point', () => {
    for (const context of users) {
      const { variant, bucket, threshold, source } = ask({ ...COLOURS, ...split(1, 3) }, context);
      assert.deepEqual([variant, threshold, source], bucket < 0.25 ? ['red', 0.25, 'default_distribution'] : ['blue', 1, 'default_distribution']);
    }
  });
  test('never serve an entry of weight 0, first or last', () => {
    for (const context of users) assert.equal(ask({ ...COLOURS, ...split(0, 1, 0) }, context).variant, 'blue');
  });
  test('have cut points that are floored', () => {
    const thresholds = new Set(users.map((context) => ask({ ...COLOURS, ...split(1, 1, 1) }, context).threshold));
    assert.deepEqual([...thresholds].sort(), [1431655765 / 2 ** 32, 2863311530 / 2 ** 32, 1]);
  });
  test('take huge weights in proportion', () => {
    const thresholds = new Set(users.map((context) => ask({ ...COLOURS, ...split(4e307, 4e307) }, context).threshold));
    assert.deepEqual([...thresholds].sort(), [0.5, 1]);
  });
  test('under djb2-xor have whole buckets and a threshold of a hundred', () => {
    const decision = ask({ ...COLOURS, ...split(1, 1), bucketing: 'djb2-xor', salt: 'ignored' }, { user_id: 'u' });
    assert.equal(decision.bucket, FF.hashBucket('u|f'));
    assert.equal(decision.threshold, decision.bucket < 50 ? 50 : 100);
  });
  test('the salt is the serve\'s, else the flag\'s, else the key; an empty one is one', () => {
    const bucket = (salt, serveSalt) => {
      const { fallthrough } = split(1, 1);
      return ask({ ...COLOURS, salt, fallthrough: { ...fallthrough, salt: serveSalt } }, { user_id: 'u' }).bucket;
    };
    assert.equal(bucket(undefined, undefined), bucket('f', undefined));
    assert.equal(bucket('x', 's'), bucket(undefined, 's'));
    assert.equal(bucket('s', ''), bucket('', undefined));
    assert.equal(new Set([bucket('f'), bucket('s'), bucket('')]).size, 3);
  });
  test('without a unit serve the default variant', () => {
    const decision = ask({ ...COLOURS, ...split(1, 1), default_variant: 'blue' });
    assert.equal(brief(decision), 'blue default no_bucketing_unit');
    assert.deepEqual(steps(decision).slice(-2), ['default_distribution:no_bucketing_unit', 'default:match']);
  });
});

describe('time', () => {
  const sourceAt = (expires_at, now) =>
    FF.evaluate({ flags: [{ key: 'f' }], overrides: [{ scope: 'user', id: 'u', flag: 'f', variant: false, expires_at }] }, { key: 'f', context: { user_id: 'u' }, now });
  const expiry = (expires_at) => {
    // The first millisecond at which the row is expired, by halving.
    let [low, high] = [-1e14, 1e15];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (sourceAt(expires_at, middle).source === 'default') high = middle;
      else low = middle;
    }
    return high;
  };
  test('a row is expired from its expiry on', () => {
    assert.equal(sourceAt(NOW + 1, NOW).source, 'store_user_override');
    assert.equal(sourceAt(NOW, NOW).source, 'default');
    assert.equal(sourceAt(NOW - 1, NOW).source, 'default');
    assert.ok(steps(sourceAt(NOW, NOW)).includes('store_user_override:expired'));
    assert.equal(sourceAt(null, NOW).source, 'store_user_override');
  });
  test('an expired row is expired, whatever its variant', () => {
    const row = { scope: 'user', id: 'u', flag: 'f', variant: 'nope', expires_at: 1 };
    const decision = FF.evaluate({ flags: [{ key: 'f' }], overrides: [row] }, { key: 'f', context: { user_id: 'u' }, now: NOW });
    assert.ok(steps(decision).includes('store_user_override:expired'));
  });
  test('RFC 3339 is read to the millisecond', () => {
    const at = Date.UTC(2026, 10, 21, 10);
    for (const [text, millis] of [
      ['2026-11-21T10:00:00Z', at], ['2026-11-21t10:00:00z', at], ['2026-11-21T12:30:00+02:30', at], ['2026-11-20T10:01:00-23:59', at],
      ['2026-11-21T10:00:00-00:00', at], ['2026-11-21T10:00:00.5Z', at + 500], ['2026-11-21T10:00:00.1239999Z', at + 123],
      ['1969-12-31T23:59:59.9999Z', -1], ['2000-02-29T00:00:00Z', 951782400000], ['0000-03-01T00:00:00Z', -62162035200000],
      ['0000-01-01T00:00:00Z', -62167219200000], ['9999-12-31T23:59:59.999Z', 253402300799999], [12.0, 12],
    ]) assert.equal(expiry(text), millis, String(text));
  });
  test('what names no instant is a fault', () => {
    for (const text of [
      '2026-13-01T00:00:00Z', '2026-04-31T00:00:00Z', '2025-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-01-01T24:00:00Z',
      '2016-12-31T23:59:60Z', '2026-01-01T00:00:00', '2026-01-01', '2026-01-01 00:00:00Z', '2026-01-01T00:00:00.Z', '2026-01-01T00:00:00+24:00', 1.5, 2 ** 53,
    ]) assert.ok(!isValid({ created_at: text }), String(text));
  });
});

describe('documents', () => {
  const refusal = (document) => {
    try {
      FF.load(document);
    } catch ({ code, pointer }) {
      return `${code} ${pointer}`;
    }
    return 'accepted';
  };
  test('are refused as a whole for what is outside the arrays', () => {
    assert.equal(refusal({}), 'missing /flags');
    for (const document of [[], null, undefined, 5]) assert.equal(refusal(document), 'wrong_type ');
    assert.equal(refusal({ flags: {} }), 'wrong_type /flags');
    assert.equal(refusal({ flags: [], schema: 'burgee.registry/2' }), 'invalid_value /schema');
    assert.equal(refusal({ flags: [], tenant: 5 }), 'wrong_type /tenant');
    assert.equal(refusal({ flags: [], tenant: HIGH }), 'wrong_type /tenant');
    assert.equal(refusal({ flags: [], version: -1 }), 'wrong_type /version');
    assert.equal(refusal({ flags: [], segments: Array.from({ length: 1001 }, (_, i) => ({ key: `s${i}` })) }), 'limit_exceeded /segments');
    assert.equal(refusal({ flags: [], version: null, tenant: null, overrides: null, comment: HIGH }), 'accepted');
  });
  test('warn of entries, once each', () => {
    const flags = [{ key: 'a', state: 'x' }, { key: 'a' }, { key: 'b', state: 'archived' }, { key: 'b' }, 5, { key: 'c', rules: [{}] }, { key: 'b', type: 0 }];
    assert.deepEqual(warningsOf({ flags }), [
      '/flags/0/state invalid_flag', '/flags/1 duplicate_flag', '/flags/4 invalid_flag', '/flags/5/rules/0/id invalid_flag', '/flags/6 duplicate_flag',
    ]);
    assert.equal(FF.evaluate({ flags }, { key: 'b', context: {} }).source, 'default');
    assert.equal(FF.evaluate({ flags }, { key: 'c', context: {} }).reason, 'flag_invalid');
  });
  test('warn in the order of the page', () => {
    const flags = [{ key: 'a', prerequisites: [{ flag: 'no', variants: ['on'] }] }, { key: 'b', prerequisites: [{ flag: 'b', variants: ['on'] }] }, 5];
    const row = { scope: 'user', id: 'u', flag: 'a', variant: true };
    const document = { kill_switches: [5], overrides: [row, 5, { ...row, flag: 'no' }, row, { ...row, id: 'v', variant: 'no' }], flags, segments: [5] };
    assert.deepEqual(warningsOf(document), [
      '/segments/0 invalid_segment', '/flags/2 invalid_flag', '/flags/0/prerequisites prerequisite_unknown_flag', '/flags/1/prerequisites prerequisite_cycle',
      '/overrides/0 duplicate_override', '/overrides/1 invalid_override', '/overrides/2/flag override_unknown_flag', '/overrides/4/variant override_unknown_variant',
      '/kill_switches/0 invalid_kill_switch',
    ]);
  });
  test('of rows, the later counts', () => {
    const row = { scope: 'user', id: 'u', flag: 'f', variant: true };
    const overrides = [row, { ...row, variant: 'nope' }, { ...row, flag: 'g' }, { ...row, id: 42 }, { ...row, scope: 'tenant' }, { ...row, reason: HIGH }];
    assert.deepEqual(warningsOf({ flags: [{ key: 'f' }], overrides }), [
      '/overrides/0 duplicate_override', '/overrides/1/variant override_unknown_variant', '/overrides/2/flag override_unknown_flag',
      '/overrides/3/id invalid_override', '/overrides/5 invalid_override',
    ]);
  });
  test('switches', () => {
    const kill_switches = [{ category: '' }, { category: 'a', engaged: 1 }, { category: HIGH }, { category: 'a', engaged: true }];
    assert.deepEqual(warningsOf({ kill_switches }), ['/0/category', '/1/engaged', '/2'].map((pointer) => `/kill_switches${pointer} invalid_kill_switch`));
  });
  test('are not changed by evaluating', () => {
    const frozen = Object.freeze({ flags: Object.freeze([Object.freeze({ key: 'f' })]) });
    const request = Object.freeze({ flags: Object.freeze(['f', 'g', 'f']), context: Object.freeze({}) });
    assert.deepEqual(FF.evaluateBatch(frozen, request).map(({ source }) => source), ['default', 'unknown_flag', 'default']);
  });
});

describe('flags', () => {
  test('keys', () => {
    for (const key of ['a', 'A.b_c-9', '__proto__', 'k'.repeat(128)]) assert.ok(isValid({ key }), key);
    for (const key of ['', 'k'.repeat(129), 'a b', 'caf\u00e9', 'a\n', null, 5]) assert.ok(!isValid({ key }), String(key));
  });
  test('a variant\'s key is counted in characters', () => {
    const keyed = (key) => isValid({ variants: [{ key, value: true }] });
    assert.ok(keyed('\u{1f600}'.repeat(128)));
    assert.ok(!keyed('\u{1f600}'.repeat(129)));
  });
  test('stages', () => {
    for (const stage of ['staged_1', 'staged_99', 'full']) assert.ok(isValid({ rollout_stage: stage }), stage);
    for (const stage of ['staged_0', 'staged_100', 'staged_05', 'staged_', 'Full', '', 5]) assert.ok(!isValid({ rollout_stage: stage }), String(stage));
    assert.ok(!isValid({ rollout_stage_map: {} }));
    assert.ok(!isValid({ stage: { rollout_stage: 'full' }, rollout_stage_map: {} }));
    assert.ok(isValid({ stage: { rollout_stage: 'full' }, rollout_stage: null }));
  });
  test('values are of the type', () => {
    const valued = (type, value) => isValid({ type, variants: [{ key: 'v', value }] });
    assert.ok(valued('integer', 2 ** 53 - 1) && valued('number', 1e300) && valued('json', null) && valued('string', ''));
    assert.ok(!valued('integer', 2 ** 53) && !valued('integer', 1.5) && !valued('number', '1') && !valued('boolean', 1));
    assert.ok(!isValid({ type: 'json', variants: [{ key: 'v' }] }));
    assert.ok(!isValid({ type: 'string' }) && isValid({ variants: [] }));
  });
  test('null is no value for the variants of off and default, and absent for all else', () => {
    assert.equal(ask({ state: 'off', off_variant: null }).variant, null);
    assert.equal(ask({ default_variant: null }).value, null);
    assert.ok(isValid({ type: null, state: null, targets: null, fallthrough: null, sensitive: null, bucket_by: null }));
  });
  test('enabled', () => {
    assert.equal(ask({ ...COLOURS, default_variant: 'red' }).enabled, true);
    assert.equal(ask({ ...COLOURS, default_variant: 'red', off_variant: 'red' }).enabled, false);
    assert.equal(ask({ default_variant: 'off', off_variant: 'on' }).enabled, false);
  });
  test('are at most 64 KiB, in bytes', () => {
    const empty = JSON.stringify({ key: 'f', note: '' }).length;
    assert.ok(isValid({ note: 'x'.repeat(65536 - empty) }));
    assert.ok(!isValid({ note: 'x'.repeat(65537 - empty) }));
    assert.ok(!isValid({ note: '\u65e5'.repeat(22000) }));
  });
  test('a lone surrogate anywhere is a fault, and the flag stays addressable', () => {
    for (const flag of [{ description: HIGH }, { tags: [HIGH] }, { [HIGH]: 1 }, { type: 'json', variants: [{ key: 'v', value: [{ [HIGH]: 1 }] }] }]) {
      assert.equal(ask(flag).reason, 'flag_invalid');
    }
    assert.ok(isValid({ description: '\ud83d\ude00' }));
  });
  test('serves', () => {
    const served = (fallthrough) => isValid({ fallthrough });
    const entry = (weight) => ({ variant: 'on', weight });
    assert.ok(served({ distribution: [entry(0), entry(5e-324)] }) && served({ variant: 'on', distribution: null }));
    for (const weights of [[], [0], [-1, 2], ['1'], [1e308, 1e308]]) assert.ok(!served({ distribution: weights.map(entry) }), String(weights));
    assert.ok(!served({}) && !served({ variant: 'on', distribution: [entry(1)] }) && !served({ variant: 'nope' }));
  });
});
