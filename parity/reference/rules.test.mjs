// Facts about conditions, rules, segments and prerequisites, worked out by hand from docs/evaluation.md.
//
//   node --test parity/reference/rules.test.mjs
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

const FF = createRequire(import.meta.url)('./evaluator.js');

const HIGH = '\ud83d';
const CA = { attr: 'country', op: 'equals', value: 'CA' };
const COLOURS = { type: 'string', variants: [{ key: 'red', value: 'r' }, { key: 'blue', value: 'b' }, { key: 'off', value: '' }] };

const ask = (flag, context = {}, { overrides, ...document } = {}) =>
  FF.evaluate({ ...document, flags: [{ key: 'f', ...flag }] }, { key: 'f', context, overrides, now: 0 });
// A flag whose one rule says `off`, and which is on else.
const ruled = (rule) => ({ rules: [{ id: 'r', serve: { variant: 'off' }, ...rule }] });
const holds = (when, context, document) => ask(ruled({ when }), context, document).source === 'rule';
const brief = ({ variant, source, reason }) => [variant, source, reason].join(' ');
const steps = (decision, step) => decision.reason_chain.filter((entry) => entry.step === step).map(({ outcome }) => outcome);
const faultsOf = (document) => FF.load({ flags: [], ...document }).warnings.map(({ code, pointer, fault }) => [pointer, code, fault].join(' '));
// The one fault of a flag, or of a condition in a rule of it.
const faultOf = (flag, document) => {
  const [fault, ...more] = faultsOf({ ...document, flags: [{ key: 'f', ...flag }] });
  assert.equal(more.length, 0);
  return fault?.replace('/flags/0', '').replace(' invalid_flag', '');
};
const faultIn = (when, document) => faultOf(ruled({ when }), document)?.replace('/rules/0/when', '');

// For each of the attribute's values, whether the operator holds.
function check(op, operand, values) {
  for (const [expected, list] of [[true, values.yes], [false, values.no]]) {
    for (const value of list) {
      assert.equal(holds({ attr: 'a', op, ...operand }, { a: value }), expected, `${JSON.stringify(value)} ${op} ${JSON.stringify(operand)}`);
      assert.equal(holds({ not: { attr: 'a', op, ...operand } }, { a: value }), !expected);
    }
  }
}

describe('operators', () => {
  test('equals: the type and the value', () => {
    check('equals', { value: 'a' }, { yes: ['a'], no: ['A', 'a ', '', null, undefined, ['a'], {}] });
    check('equals', { value: '' }, { yes: [''], no: [null, undefined, 0, false] });
    check('equals', { value: 1 }, { yes: [1, 1.0], no: ['1', true, NaN, 1.0000000000000002] });
    check('equals', { value: 0 }, { yes: [0, -0], no: [false, '', null, NaN] });
    check('equals', { value: true }, { yes: [true], no: [false, 'true', 1] });
    check('equals', { value: '\u00e9' }, { yes: ['\u00e9'], no: ['e\u0301'] });
    check('equals', { value: '\u{1f600}' }, { yes: ['\ud83d\ude00'], no: [HIGH, '\ude00'] });
  });
  test('not_equals and not_in: of the type, which absence is not', () => {
    check('not_equals', { value: 'a' }, { yes: ['b', '', HIGH], no: ['a', null, undefined, 5, true, [], {}] });
    check('not_equals', { value: 1 }, { yes: [2, NaN, Infinity], no: [1, '2', null] });
    check('not_in', { values: ['a', 1] }, { yes: ['b', 2, NaN], no: ['a', 1, true, null, undefined, ['b']] });
  });
  test('in', () => check('in', { values: ['a', 1, true] }, { yes: ['a', 1, true], no: ['b', '1', 'true', false, NaN, null, ['a'], {}] }));
  test('contains: a text in a text, an element in a list', () => {
    check('contains', { value: 'b' }, { yes: ['abc', 'b', ['b'], [1, 'b'], `${HIGH}b`], no: ['a', 'B', [], ['bc'], [['b']], { b: 'b' }, null, undefined, 5] });
    check('contains', { value: 1 }, { yes: [[1], ['x', 1.0]], no: ['1', 1, ['1'], [true], [NaN]] });
    check('contains', { value: true }, { yes: [[true]], no: ['true', true, [1]] });
    check('contains', { value: '' }, { yes: ['', 'a', ['']], no: [[], null] });
  });
  test('starts_with and ends_with', () => {
    check('starts_with', { value: 'ab' }, { yes: ['ab', 'abc', `ab${HIGH}`], no: ['a', 'Ab', ' ab', ['ab'], 5, null] });
    check('ends_with', { value: 'ab' }, { yes: ['ab', 'cab', `${HIGH}ab`], no: ['b', 'aB', 'ab ', ['ab'], null] });
    check('starts_with', { value: '' }, { yes: ['', 'a'], no: [0, null, []] });
  });
  test('numbers', () => {
    check('gt', { value: 5 }, { yes: [6, 5.000000000000001, Infinity], no: [5, 4, '6', NaN, null, true, [6]] });
    check('gte', { value: 5 }, { yes: [5, 6], no: [4.999999999999999, NaN, '5'] });
    check('lt', { value: 0 }, { yes: [-5e-324, -Infinity], no: [0, -0, 1, NaN, ''] });
    check('lte', { value: 0 }, { yes: [0, -0, -1], no: [5e-324, NaN, null, false] });
    check('between', { values: [1, 3] }, { yes: [1, 2.5, 3], no: [0.9999999999999999, 3.0000000000000004, NaN, '2', Infinity, null] });
    check('between', { values: [2, 2] }, { yes: [2], no: [1, 3] });
  });
  test('exists', () => {
    for (const operand of [{}, { value: true }, { value: null }]) check('exists', operand, { yes: ['', 0, false, NaN, [], {}, HIGH], no: [null, undefined] });
    check('exists', { value: false }, { yes: [null, undefined], no: ['', 0, false] });
  });
  test('the precedence of versions, as semver.org has it', () => {
    const ordered = [
      '0.0.0', '1.0.0-0', '1.0.0-9007199254740992', '1.0.0-9007199254740993', '1.0.0--', '1.0.0-A', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta',
      '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.1', '1.9.0', '1.10.0', '2.0.0', '18446744073709551616.0.0', '99999999999999999999.0.0',
    ];
    ordered.forEach((value, i) => {
      check('semver_lt', { value }, { yes: ordered.slice(0, i), no: ordered.slice(i) });
      check('semver_lte', { value }, { yes: ordered.slice(0, i + 1), no: ordered.slice(i + 1) });
      check('semver_gt', { value }, { yes: ordered.slice(i + 1), no: ordered.slice(0, i + 1) });
      check('semver_gte', { value }, { yes: ordered.slice(i), no: ordered.slice(0, i) });
      check('semver_eq', { value }, { yes: [value, `${value}+b.01`], no: ordered.filter((other) => other !== value) });
    });
    check('semver_eq', { value: '1.0.0+a' }, { yes: ['1.0.0', '1.0.0+b'], no: ['1.0.0-a', '1', 'v1.0.0', '01.0.0', '1.0.0-01', '1.0.0\n', 1, null, ['1.0.0']] });
  });
  test('times: any way to write them, to the millisecond', () => {
    const value = '2026-11-21T10:00:00.500Z';
    const at = Date.UTC(2026, 10, 21, 10, 0, 0, 500);
    const nothing = ['2026-11-21', '2026-11-31T00:00:00Z', 'x', NaN, 1.5, 2 ** 53, true, null, [at]];
    check('before', { value }, { yes: [at - 1, '2026-11-21T10:00:00.4999Z', '2026-11-21T12:00:00+02:00', -0], no: [at, at + 1, '2026-11-21T10:00:00.5009z', ...nothing] });
    check('after', { value: at }, { yes: [at + 1, '2026-11-21t09:00:00-01:01', 2 ** 53 - 1], no: [at, value, '2026-11-21T10:00:00.5004Z', Infinity, ...nothing] });
  });
});

describe('patterns', () => {
  const finds = (value, yes, no) => check('matches', { value }, { yes, no: [...no, null, 5, ['a'], `${HIGH}`] });
  test('are not anchored, and see characters', () => {
    finds('b', ['abc'], ['B', '']);
    finds('^.$', ['a', '\u{1f600}', '\u00e9', '\r', '\u2028'], ['', 'ab', '\n', 'e\u0301']);
    finds('', ['', 'a'], []);
  });
  test('have ASCII classes and cases', () => {
    finds('^\\w+$', ['a_9'], ['\u00e9', 'a b', '']);
    finds('^\\d$', ['7'], ['\u0667']);
    finds('^\\s$', [' ', '\t', '\n', '\v', '\f', '\r'], ['\u00a0', '\u2028', 'a']);
    finds('\\bCA\\b', ['CA', 'in CA.', '\u00e9CA'], ['CAB', 'xCA']);
    finds('(?i)k[a-c]$', ['KA', 'kB', 'Kc'], ['\u212aa', 'kd']);
    finds('(?i)\u00e9', ['\u00e9'], ['\u00c9']);
    finds('(?i)[^a]', ['b', 'B'], ['a', 'A']);
  });
  test('look in at most 8 KiB of UTF-8, and at no lone surrogate', () => {
    finds('a|', ['z'.repeat(8192), '\u00e9'.repeat(4096)], ['z'.repeat(8193), `${'\u00e9'.repeat(4096)}a`, `a${HIGH}`]);
  });
  test('faults', () => {
    const fault = (value) => faultIn({ attr: 'a', op: 'matches', value });
    for (const pattern of ['(', ')', '[', '*a', 'a{2,1}', '(?=a)', '(?<!a)b', '(a)\\1', '[b-a]', 'a|*', '\\', '\\pL', 'a{']) assert.equal(fault(pattern), '/value invalid_value', pattern);
    assert.equal(fault('\u00e9'.repeat(512)), undefined);
    assert.equal(fault(`${'\u00e9'.repeat(512)}a`), '/value limit_exceeded');
    assert.equal(fault(`(${'a'.repeat(1024)}`), '/value limit_exceeded');
  });
});

describe('conditions', () => {
  const NO = { any: [] };
  const YES = { all: [] };
  test('all, any and not', () => {
    assert.ok(holds(YES) && !holds(NO) && holds({ not: NO }) && !holds({ not: YES }));
    assert.ok(holds({ all: [YES, YES] }) && !holds({ all: [YES, NO] }) && holds({ any: [NO, YES] }) && !holds({ any: [NO, NO] }));
  });
  test('several members count as all of them', () => {
    assert.ok(holds({ ...CA, any: [YES] }, { country: 'CA' }) && !holds({ ...CA, any: [] }, { country: 'CA' }) && !holds({ ...CA, all: [] }, {}));
    assert.ok(!holds({ ...CA, not: YES }, { country: 'CA' }) && holds({ ...CA, not: NO, segment: 's' }, { country: 'CA', user_id: 'u' }, { segments: [{ key: 's', include: ['u'] }] }));
  });
  test('an object of attributes', () => {
    const when = { attr: { country: 'CA', plan: ['pro', 1] } };
    assert.ok(holds(when, { country: 'CA', plan: 'pro' }) && holds(when, { country: 'CA', plan: 1 }));
    assert.ok(!holds(when, { country: 'CA' }) && !holds(when, { plan: 'pro' }) && !holds(when, { country: 'CA', plan: '1' }));
    assert.ok(holds({ attr: {} }) && !holds({ attr: {}, any: [] }));
  });
  test('null members are absent', () => assert.ok(holds({ attr: null, op: null, atr: null, all: [], percentage: null })));
  test('see tier and env with their defaults, and other names as they are', () => {
    const tier = (value, context) => holds({ attr: 'tier', op: 'equals', value }, context);
    assert.ok(tier('anonymous') && tier('anonymous', { tier: 5 }) && tier('', { tier: '' }) && !tier('anonymous', { tier: 'staff' }));
    assert.ok(holds({ attr: 'env', op: 'exists' }) && holds({ attr: { env: 'dev' } }, { env: ['prod'] }) && !holds({ attr: 'role_key', op: 'exists' }));
    for (const name of ['constructor', '__proto__', 'toString']) assert.ok(!holds({ attr: name, op: 'exists' }));
    assert.ok(holds({ attr: '__proto__', op: 'equals', value: 'x' }, JSON.parse('{"__proto__":"x"}')));
  });
  test('faults, in the order of the page', () => {
    for (const [when, fault] of [
      [5, ' wrong_type'], [[], ' wrong_type'], [{}, ' missing'], [{ all: null }, ' missing'],
      [{ ...CA, atr: 1 }, '/atr invalid_value'], [{ atr: 1, op: 'x' }, '/atr invalid_value'], [{ op: 'equals' }, '/op invalid_value'],
      [{ all: [], value: 1, values: [] }, '/value invalid_value'], [{ attr: { a: 1 }, values: [1] }, '/values invalid_value'],
      [{ attr: 5 }, '/attr invalid_value'], [{ attr: 5, op: 'equals' }, '/op invalid_value'], [{ ...CA, attr: '' }, '/attr invalid_value'],
      [{ attr: 'a' }, '/op missing'], [{ attr: 'a', op: 'eq' }, '/op invalid_value'], [{ attr: 'a', op: ['equals'] }, '/op invalid_value'], [{ attr: 'a', op: 'toString' }, '/op invalid_value'],
      [{ attr: 'a', op: 'equals', values: ['x'] }, '/value missing'], [{ attr: 'a', op: 'in', value: 'x' }, '/values missing'],
      [{ attr: 'a', op: 'in', values: [] }, '/values invalid_value'], [{ attr: 'a', op: 'in', values: ['x', null] }, '/values/1 invalid_value'],
      [{ attr: 'a', op: 'between', values: [2, 1] }, '/values invalid_value'], [{ attr: 'a', op: 'between', values: [1, '2'] }, '/values invalid_value'],
      [{ attr: 'a', op: 'exists', value: 'true' }, '/value invalid_value'], [{ attr: 'a', op: 'gt', value: '1' }, '/value invalid_value'],
      [{ attr: 'a', op: 'before', value: '2026-11-31T00:00:00Z' }, '/value invalid_value'], [{ attr: 'a', op: 'semver_eq', value: '1.0' }, '/value invalid_value'],
      [{ attr: { '': 1 } }, '/attr/ invalid_value'], [{ attr: { 'a/b~c': null } }, '/attr/a~1b~0c wrong_type'], [{ attr: { a: [] } }, '/attr/a invalid_value'],
      [{ attr: { a: 1, b: ['x', {}] } }, '/attr/b/1 invalid_value'], [{ segment: 5, attr: '', op: 'in' }, '/attr invalid_value'], [{ segment: 's' }, '/segment unknown_reference'],
      [{ all: CA }, '/all wrong_type'], [{ any: [CA, null] }, '/any/1 wrong_type'], [{ not: [] }, '/not wrong_type'], [{ not: { all: [{ x: 1 }] } }, '/not/all/0/x invalid_value'],
      [{ not: { ...CA, percentage: 5 } }, '/not/percentage invalid_value'],
      [{ ...CA, values: 5 }, undefined], [{ attr: 'a', op: 'in', values: ['x'], value: {} }, undefined], [{ attr: 'a', op: 'exists', values: 5 }, undefined],
    ]) assert.equal(faultIn(when), fault, JSON.stringify(when));
  });
  test('lie 16 deep', () => {
    const deep = (levels, innermost) => (levels === 1 ? innermost : { not: deep(levels - 1, innermost) });
    const pointer = (levels) => '/not'.repeat(levels - 1);
    assert.equal(faultIn(deep(16, CA)), undefined);
    assert.equal(faultIn(deep(17, CA)), `${pointer(17)} limit_exceeded`);
    // What is too deep is not read.
    assert.equal(faultIn(deep(17, 5)), `${pointer(17)} limit_exceeded`);
    assert.equal(faultIn(deep(16, { ...CA, all: [] })), `${pointer(16)} limit_exceeded`);
    assert.equal(faultIn(deep(16, { attr: { a: 1, b: 2 }, x: 1 })), `${pointer(16)} limit_exceeded`);
    assert.equal(faultIn(deep(15, { ...CA, all: [] })), undefined);
    assert.equal(faultIn(deep(15, { all: [], any: [CA] })), `${pointer(15)}/any/0 limit_exceeded`);
    assert.equal(faultIn(deep(14, { all: [], any: [CA] })), undefined);
    assert.equal(faultIn(deep(16, { attr: { a: 1 } })), undefined);
  });
});

describe('segments', () => {
  const SEGMENT = { key: 's', include: ['in', 'both', '42'], exclude: ['out', 'both'], conditions: CA };
  const isIn = (context, segment = {}) => holds({ segment: 's' }, context, { segments: [{ ...SEGMENT, ...segment }] });
  test('exclude before include before conditions', () => {
    assert.ok(isIn({ user_id: 'in' }) && isIn({ user_id: 42 }) && isIn({ country: 'CA' }) && isIn({ project_id: 'in' }));
    assert.ok(!isIn({ user_id: 'both' }) && !isIn({ user_id: 'out', country: 'CA' }) && !isIn({ user_id: 'x' }) && !isIn({}));
    assert.ok(!isIn({ user_id: 'x', project_id: 'in' }) && isIn({ user_id: '', project_id: 'in' }) && !isIn({}, { conditions: null }));
    assert.ok(isIn({ country: 'CA' }, { conditions: null, criteria: CA }));
  });
  test('faults', () => {
    const fault = (segment) => faultsOf({ segments: [{ key: 's', ...segment }] })[0]?.replace('/segments/0', '').replace(' invalid_segment', '');
    assert.equal(fault({}), undefined);
    assert.equal(fault({ key: 'a b' }), '/key invalid_value');
    assert.equal(fault({ name: 5 }), '/name invalid_value');
    assert.equal(fault({ conditions: CA, criteria: CA }), '/criteria duplicate');
    assert.equal(fault({ criteria: { not: { segment: 's' } } }), '/criteria/not/segment invalid_value');
    assert.equal(fault({ conditions: { ...CA, percentage: 5 } }), '/conditions/percentage invalid_value');
    assert.equal(fault({ conditions: {} }), '/conditions missing');
    assert.equal(fault({ include: ['a', 5] }), '/include/1 invalid_value');
    assert.equal(fault({ exclude: [HIGH] }), ' invalid_value');
  });
  test('a second one of a key, whatever it is, is left out', () => {
    const segments = [{ key: 's', name: 5 }, SEGMENT, { key: 's', name: 5 }, { key: 'a b' }, { key: 'a b' }];
    assert.deepEqual(faultsOf({ segments }), [
      '/segments/0/name invalid_segment invalid_value', '/segments/1 duplicate_segment ', '/segments/2 duplicate_segment ',
      '/segments/3/key invalid_segment invalid_value', '/segments/4/key invalid_segment invalid_value',
    ]);
    assert.equal(FF.evaluate({ segments, flags: [{ key: 'f', ...ruled({ when: { segment: 's' } }) }] }, { key: 'f', context: {} }).reason, 'flag_invalid');
  });
});

describe('rules', () => {
  test('are tried by their order, and as they stand', () => {
    const rule = (id, order, when) => ({ id, order, when, serve: { variant: 'off' } });
    const decide = (...rules) => ask({ rules }, { country: 'CA' });
    assert.equal(decide(rule('a', 1), rule('b')).rule_id, 'b');
    assert.equal(decide(rule('a'), rule('b', 0), rule('c', -1, { any: [] })).rule_id, 'a');
    const decision = decide(rule('a', 5), rule('b', null, { any: [] }), rule('c', 5));
    assert.deepEqual([decision.rule_id, brief(decision)], ['a', 'off rule rule_match']);
    assert.deepEqual(steps(decision, 'rule'), ['no_match', 'match']);
  });
  test('a percentage', () => {
    const user = { user_id: 'u' };
    const at = ask({ ...ruled({ percentage: 100 }) }, user);
    assert.deepEqual([brief(at), at.threshold, typeof at.bucket], ['off rule rule_match', 1, 'number']);
    for (const percentage of [0, 100 * at.bucket, 5e-324]) assert.deepEqual(steps(ask(ruled({ percentage }), user), 'rule'), ['not_in_percentage'], percentage);
    assert.equal(ask(ruled({ percentage: 100 * at.bucket + 1e-6 }), user).source, 'rule');
    assert.deepEqual(ask(ruled({ when: { percentage: 100 } }), user), at);
    const none = ask(ruled({ percentage: 100 }));
    assert.deepEqual([brief(none), steps(none, 'rule')], ['on default no_bucketing_unit', ['no_bucketing_unit']]);
    assert.deepEqual(steps(ask(ruled({ percentage: 100, bucket_by: 'd' }), user), 'rule'), ['no_bucketing_unit']);
    assert.equal(ask({ ...ruled({ percentage: 100 }), bucket_by: 'd' }, { d: 'u' }).bucket, at.bucket);
    assert.equal(ask(ruled({ percentage: 100, salt: 'f' }), user).bucket, at.bucket);
    assert.notEqual(ask({ ...ruled({ percentage: 100 }), salt: 'x' }, user).bucket, at.bucket);
  });
  test('under djb2-xor', () => {
    const decision = ask({ bucketing: 'djb2-xor', ...ruled({ percentage: 99.5 }) }, { user_id: 'u' });
    assert.equal(decision.bucket, FF.hashBucket('u|f'));
    assert.equal(decision.threshold, (Math.floor(0.995 * 2 ** 32) * 100) / 2 ** 32);
    // A stage's own bucketing is not that of the rules.
    assert.ok(ask({ rollout_stage: 'full', ...ruled({ percentage: 100 }) }, { user_id: 'u' }).bucket < 1);
  });
  test('a percentage does not choose for the distribution', () => {
    const distribution = [{ variant: 'on', weight: 1 }, { variant: 'off', weight: 1 }];
    const user = { user_id: 'u' };
    const bucket = (rule, flag) => ask({ ...flag, rules: [{ id: 'r', serve: { distribution }, ...rule }] }, user).bucket;
    const salted = (salt) => ask({ salt, fallthrough: { distribution } }, user).bucket;
    assert.equal(bucket({}), salted('f'));
    assert.equal(bucket({ percentage: 100 }), salted('f/r'));
    assert.equal(bucket({ when: { percentage: 100 }, salt: 's' }), salted('s/r'));
    assert.equal(bucket({ percentage: 100 }, { salt: 's' }), salted('s/r'));
    assert.equal(bucket({ percentage: 100, serve: { distribution, salt: 's' } }), salted('s'));
    assert.equal(bucket({}, { bucketing: 'djb2-xor' }), FF.hashBucket('u|f'));
    assert.equal(bucket({ percentage: 100 }, { bucketing: 'djb2-xor' }), FF.hashBucket('u|f/r'));
    const other = ask({ rules: [{ id: 'r', percentage: 100, serve: { distribution, bucket_by: 'd' } }] }, user);
    assert.deepEqual(steps(other, 'rule'), ['no_bucketing_unit']);
  });
  test('come behind targets and before stages', () => {
    const flag = { ...ruled({}), targets: { allow: [{ variant: 'on', ids: ['u'] }] }, rollout_stage: 'full' };
    assert.equal(ask(flag, { user_id: 'u' }).source, 'target');
    assert.equal(ask(flag).source, 'rule');
    assert.equal(ask({ ...flag, rules: [] }).source, 'rollout_stage_map');
  });
  test('a rule without a unit is the reason of the default alone', () => {
    assert.equal(brief(ask({ ...ruled({ percentage: 5 }), fallthrough: { variant: 'off' } })), 'off default no_bucketing_unit');
    assert.equal(brief(ask({ ...ruled({ percentage: 5 }), rollout_stage: 'full' })), 'on rollout_stage_map stage_full');
  });
  test('faults', () => {
    const fault = (rule) => faultOf(ruled(rule))?.replace('/rules/0', '');
    for (const [rule, expected] of [
      [{ id: null }, '/id missing'], [{ id: '' }, '/id invalid_value'], [{ id: '\u{1f600}'.repeat(128) }, undefined], [{ id: 'r'.repeat(129) }, '/id invalid_value'],
      [{ order: 0.5 }, '/order invalid_value'], [{ percentage: 101 }, '/percentage invalid_value'], [{ when: { percentage: -1 } }, '/when/percentage invalid_value'],
      [{ when: { percentage: 5 }, percentage: 5 }, '/when/percentage duplicate'], [{ bucket_by: '' }, '/bucket_by invalid_value'], [{ salt: 5 }, '/salt invalid_value'],
      [{ serve: null }, '/serve missing'], [{ rollout: { variant: 'on' } }, '/rollout duplicate'], [{ serve: {} }, '/serve invalid_value'],
      [{ serve: null, rollout: { variant: 'x' } }, '/rollout/variant unknown_reference'], [{ comment: 5 }, undefined],
    ]) assert.equal(fault(rule), expected, JSON.stringify(rule));
    const rules = (count) => ({ rules: Array.from({ length: count }, (_, i) => ({ id: `r${i}`, serve: { variant: 'on' } })) });
    assert.equal(faultOf(rules(100)), undefined);
    assert.equal(faultOf(rules(101)), '/rules limit_exceeded');
    assert.equal(faultOf({ rules: [...rules(2).rules, rules(1).rules[0]] }), '/rules/2/id duplicate');
  });
});

describe('the short form of variants', () => {
  test('keys alone are a string flag\'s values', () => {
    const flag = { variants: [{ key: 'a' }, { key: 'b' }], default_variant: 'b' };
    assert.deepEqual([ask(flag).value, ask({ ...flag, type: 'string' }).value], ['b', 'b']);
    assert.equal(ask({ ...flag, type: 'string', variants: [{ key: 'a', value: '' }, { key: 'b' }] }).value, 'b');
    assert.equal(faultOf({ variants: [{ key: 'a' }, { key: 'b', value: true }] }), '/variants/0/value missing');
    assert.equal(faultOf({ ...flag, type: 'json' }), '/variants/0/value missing');
    assert.equal(faultOf({ type: 'string', variants: [{ key: 'a', value: null }] }), '/variants/0/value wrong_type');
  });
  test('weights are the fallthrough', () => {
    const variants = [{ key: 'red', weight: 1 }, { key: 'blue' }, { key: 'off', weight: 3 }];
    const distribution = [{ variant: 'red', weight: 1 }, { variant: 'blue', weight: 0 }, { variant: 'off', weight: 3 }];
    for (let i = 0; i < 20; i += 1) {
      const { reason_chain: chain, ...decision } = ask({ variants }, { user_id: `u${i}` });
      const { reason_chain: same, ...long } = ask({ variants: variants.map(({ key }) => ({ key })), fallthrough: { distribution } }, { user_id: `u${i}` });
      assert.deepEqual([decision, chain], [long, same]);
    }
    assert.equal(ask({ variants: [{ key: 'a', value: true, weight: 1 }, { key: 'b', value: false }] }, { user_id: 'u' }).variant, 'a');
    assert.equal(faultOf({ variants, fallthrough: { variant: 'red' } }), '/variants/0/weight duplicate');
    assert.equal(faultOf({ variants: [{ key: 'a' }, { key: 'b', weight: 0 }] }), '/variants invalid_value');
    assert.equal(faultOf({ variants: [{ key: 'a', weight: -1 }] }), '/variants/0/weight invalid_value');
  });
});

describe('prerequisites', () => {
  const on = (...flags) => flags.map((flag) => ({ flag, variants: ['on'] }));
  const document = (flags) => ({ flags: Object.entries(flags).map(([key, flag]) => ({ key, ...(Array.isArray(flag) ? { prerequisites: flag } : flag) })) });
  const decide = (flags, key, { context = {}, overrides } = {}) => FF.evaluate(document(flags), { key, context, overrides, now: 0 });
  const warned = (flags) => FF.load(document(flags)).warnings.map(({ code, pointer }) => `${pointer} ${code}`);
  test('are consulted in order, and the first that is not met decides', () => {
    const flags = { a: on('b', 'c', 'd'), b: {}, c: { state: 'off' }, d: {} };
    const decision = decide(flags, 'a');
    assert.deepEqual([brief(decision), decision.prerequisite, decision.value], ['off prerequisite prerequisite_failed', 'c', false]);
    assert.deepEqual(steps(decision, 'prerequisite'), ['met', 'match']);
    assert.ok(!('prerequisite' in decide({ ...flags, c: {} }, 'a')));
    assert.equal(decide({ ...flags, a: { state: 'off', prerequisites: on('c') } }, 'a').source, 'off');
    assert.equal(decide({ ...flags, a: { prerequisites: on('c'), targets: { deny: ['u'] } } }, 'a', { context: { user_id: 'u' } }).source, 'prerequisite');
  });
  test('are decided with the same context and overrides', () => {
    const flags = { a: on('b'), b: ruled({ when: CA }) };
    assert.equal(decide(flags, 'a').source, 'default');
    assert.equal(decide(flags, 'a', { context: { country: 'CA' } }).source, 'prerequisite');
    assert.equal(decide(flags, 'a', { context: { country: 'CA' }, overrides: { tenant: { b: true } } }).source, 'default');
    assert.equal(decide(flags, 'a', { overrides: { user: { b: 'off' } } }).source, 'prerequisite');
    assert.equal(decide({ ...flags, a: [{ flag: 'b', variants: ['x', 'off'] }] }, 'a', { context: { country: 'CA' } }).source, 'default');
  });
  test('that are unknown or at fault are never met', () => {
    const flags = { a: on('no', 'no'), b: on('c'), c: { state: 'ON', prerequisites: on('b') }, d: on('e'), e: { state: 'archived' } };
    assert.deepEqual(warned(flags), ['/flags/2/state invalid_flag', '/flags/0/prerequisites prerequisite_unknown_flag', '/flags/3/prerequisites prerequisite_unknown_flag']);
    for (const [key, failed] of [['a', 'no'], ['b', 'c'], ['d', 'e']]) assert.equal(decide(flags, key).prerequisite, failed);
  });
  test('a cycle is never met, from wherever it is reached', () => {
    const flags = { a: on('free', 'b'), b: on('c'), c: on('b'), free: {}, self: on('self'), d: [{ flag: 'b', variants: ['off'] }] };
    assert.deepEqual(warned(flags), ['a', 'b', 'c', 'self', 'd'].map((key) => `/flags/${Object.keys(flags).indexOf(key)}/prerequisites prerequisite_cycle`));
    assert.deepEqual([decide(flags, 'a').prerequisite, steps(decide(flags, 'a'), 'prerequisite')], ['free', ['match']]);
    assert.equal(decide(flags, 'd').source, 'prerequisite');
    assert.equal(decide(flags, 'a', { overrides: { user: { a: true } } }).source, 'inline_user_override');
    assert.deepEqual(warned({ a: on('no', 'a') }), ['/flags/0/prerequisites prerequisite_unknown_flag']);
    assert.equal(decide({ a: on('b', 'a', 'no'), b: {} }, 'a').prerequisite, 'b');
  });
  test('a diamond is none', () => {
    const flags = { a: on('b', 'c'), b: on('d'), c: on('d'), d: {} };
    assert.deepEqual(warned(flags), []);
    assert.equal(decide(flags, 'a').source, 'default');
    assert.equal(decide({ ...flags, d: { state: 'off' } }, 'a').prerequisite, 'b');
  });
  test('lie 16 deep', () => {
    const chain = (length) => Object.fromEntries(Array.from({ length }, (_, i) => [`p${i}`, i + 1 < length ? on(`p${i + 1}`) : []]));
    assert.deepEqual(warned(chain(16)), []);
    assert.equal(decide(chain(16), 'p0').source, 'default');
    assert.deepEqual(warned(chain(17)), ['/flags/0/prerequisites prerequisite_limit']);
    assert.equal(decide(chain(17), 'p0').prerequisite, 'p1');
    // The second of eighteen is past the limit too, and so the first lies two deep.
    assert.deepEqual(warned(chain(18)), ['/flags/1/prerequisites prerequisite_limit']);
    assert.equal(decide(chain(18), 'p0').prerequisite, 'p1');
    assert.equal(decide(chain(18), 'p1').prerequisite, 'p2');
  });
  test('take 256 walks', () => {
    const many = (flag, count) => Array.from({ length: count }, () => on(flag)[0]);
    // 1 + 2 * (1 + 100) + rest
    const fan = (rest) => ({ a: [...many('b', 2), ...many('c', rest)], b: many('c', 100), c: {} });
    assert.deepEqual(warned(fan(53)), []);
    assert.deepEqual(warned(fan(54)), ['/flags/0/prerequisites prerequisite_limit']);
    assert.equal(decide(fan(53), 'a').source, 'default');
    assert.equal(decide(fan(54), 'a').prerequisite, 'b');
    assert.equal(decide({ ...fan(54), z: on('a') }, 'z').prerequisite, 'a');
  });
  test('faults', () => {
    const fault = (prerequisites) => faultsOf({ flags: [{ key: 'f', prerequisites }] })[0]?.replace('/flags/0', '').replace(' invalid_flag', '');
    assert.equal(fault(5), '/prerequisites invalid_value');
    assert.equal(fault([5]), '/prerequisites/0 wrong_type');
    assert.equal(fault([{ variants: ['on'] }]), '/prerequisites/0/flag missing');
    assert.equal(fault([{ flag: 'a b', variants: ['on'] }]), '/prerequisites/0/flag invalid_value');
    assert.equal(fault([{ flag: 'a', variants: [] }]), '/prerequisites/0/variants invalid_value');
    assert.equal(fault([{ flag: 'a', variants: ['on', 5] }]), '/prerequisites/0/variants/1 invalid_value');
    assert.equal(fault(Array.from({ length: 101 }, () => on('a')[0])), '/prerequisites limit_exceeded');
  });
});
