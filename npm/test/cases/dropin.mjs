// The functions that take the registry each time.

import { equal, frozen, ok } from './check.mjs';
import { IN, KEYS, OUT, registry } from './registry.mjs';

const staged = (context) => ({ key: 'syn.staged_25', context, now: 0 });

const BEFORE = ['kill_switch', 'inline_user_override', 'inline_tenant_override', 'store_user_override', 'store_tenant_override'].map(
  (step) => ({ step, outcome: 'absent' }),
);

const BUCKETS = [
  ['bucket-low-1|syn.staged_25', 4],
  ['', 81],
  ['bucket-low-1', 94],
  ['user-\u{1f600}', 84],
  ['\ud83dabc', 72],
  ['\ude00abc', 57],
  ['\ufffdabc', 96],
  ['0123456789'.repeat(1000), 97],
  ['\u00e9'.repeat(5000), 69],
];

export const dropin = {
  'hashBucket gives the known buckets': (FF) => {
    for (const [text, bucket] of BUCKETS) equal(FF.hashBucket(text), bucket, text.slice(0, 30));
    equal(BUCKETS.length, 9);
  },

  'evaluate decides in full': (FF) => {
    equal(FF.evaluate(registry(), staged(IN)), {
      flag_key: 'syn.staged_25',
      enabled: true,
      value: true,
      variant: 'on',
      source: 'staged_bucket',
      reason: 'staged_in',
      bucket: 4,
      threshold: 25,
      rollout_stage: 'staged_25',
      flag_version: 3,
      reason_chain: [...BEFORE, { step: 'off', outcome: 'no_match' }, { step: 'staged_bucket', outcome: 'match' }],
    });
    const out = FF.evaluate(registry(), staged(OUT));
    equal([out.value, out.reason, out.bucket], [false, 'staged_out', 70]);
  },

  'every flag of the registry decides as its document says': (FF) => {
    const expected = {
      'syn.staged_25': ['on', 'staged_in'],
      'staff.only': ['on', 'stage_internal_staff'],
      'by.env': ['on', 'stage_full'],
      colour: ['blue', 'default_distribution'],
      layout: ['wide', 'default'],
      timed: ['on', 'default'],
      off: ['off', 'flag_off'],
      killed: ['off', 'kill_switch_category'],
      chosen: ['off', 'default'],
      'by.plan': ['off', 'no_bucketing_unit'],
      ['__proto__']: ['on', 'stage_internal_staff'],
      broken: [null, 'flag_invalid'],
    };
    equal(Object.keys(expected), KEYS);
    const decisions = FF.evaluateBatch(registry(), { flags: KEYS, context: IN, now: 0 });
    equal(Object.fromEntries(decisions.map(({ flag_key, variant, reason }) => [flag_key, [variant, reason]])), expected);
  },

  'evaluateBatch answers in the order asked, repeats and unknown flags included': (FF) => {
    const flags = ['off', 'syn.staged_25', 'off', 'nobody.knows', 'layout'];
    const decisions = FF.evaluateBatch(registry(), { flags, context: IN, now: 0 });
    equal(decisions, flags.map((key) => FF.evaluate(registry(), { key, context: IN, now: 0 })));
    equal(decisions[3].source, 'unknown_flag');
    equal(FF.evaluateBatch(registry(), { flags: [], context: IN }), []);
  },

  'explain is the same decision, with what each step compared': (FF) => {
    const { reason_chain: chain, ...decision } = FF.evaluate(registry(), staged(IN));
    const { reason_chain: steps, ...explained } = FF.explain(registry(), staged(IN));
    equal(explained, decision);
    equal(steps.map(({ step, outcome }) => ({ step, outcome })), chain);
    equal([steps.at(-1).bucket, steps.at(-1).threshold], [4, 25]);
  },

  'a registry may be an object, its text, its bytes, or compiled': (FF) => {
    const text = JSON.stringify(registry());
    const forms = [registry(), text, new TextEncoder().encode(text), new FF.Snapshot(text)];
    const expected = FF.evaluate(registry(), staged(IN));
    for (const form of forms) {
      equal(FF.evaluate(form, staged(IN)), expected);
      equal(FF.evaluateBatch(form, { flags: ['syn.staged_25'], context: IN, now: 0 }), [expected]);
      equal(FF.explain(form, staged(IN)).bucket, 4);
    }
  },

  'a registry that was changed in place gets new answers, and old ones once it is changed back': (FF) => {
    const changing = registry();
    const value = () => FF.evaluate(changing, staged(IN)).value;
    equal(value(), true);
    changing.flags[0].stage.rollout_stage = 'paused';
    equal(value(), false);
    changing.flags.shift();
    equal(value(), null);
    changing.flags.unshift(registry().flags[0]);
    equal(value(), true);
  },

  'bytes that were changed in place get new answers': (FF) => {
    const bytes = new TextEncoder().encode('{"flags":[{"key":"a","state":"on"}]} ');
    const value = () => FF.evaluate(bytes, { key: 'a' }).value;
    equal(value(), true);
    bytes.set(new TextEncoder().encode('{"flags":[{"key":"a","state":"off"}]}'));
    equal(value(), false);
  },

  'neither the registry nor the request is changed': (FF) => {
    const given = frozen(registry());
    const options = { context: { ...IN, groups: ['a', ['b']] }, overrides: { user: { off: true }, tenant: {} }, now: 5 };
    const request = frozen({ key: 'off', ...options });
    const before = JSON.stringify([given, request]);
    FF.evaluate(given, request);
    FF.explain(given, request);
    FF.evaluateBatch(given, frozen({ flags: KEYS, ...options }));
    equal(JSON.stringify([given, request]), before);
  },

  'a result is the caller\'s own: changing it changes no later one': (FF) => {
    const given = registry();
    const ask = () => FF.evaluate(given, { key: 'layout', context: IN, now: 0 });
    const first = ask();
    first.value.columns.push('mine');
    first.reason_chain.length = 0;
    equal(ask().value, { columns: [1, 2, { gap: 8 }] });
    ok(ask().reason_chain.length > 0);
  },

  'a request without a context is for nobody': (FF) => {
    for (const context of [undefined, null, {}]) {
      equal(FF.evaluate(registry(), staged(context)).reason, 'no_bucketing_unit');
      equal(FF.evaluateBatch(registry(), { flags: ['staff.only'], context })[0].reason, 'stage_internal_not_staff');
    }
  },

  'overrides of the request apply to it alone': (FF) => {
    const reason = (key, overrides) => FF.evaluate(registry(), { key, context: OUT, overrides, now: 0 }).reason;
    equal(reason('syn.staged_25', { user: { 'syn.staged_25': true } }), 'user_override_precedence');
    equal(reason('syn.staged_25', { tenant: { 'syn.staged_25': 'on' } }), 'tenant_override_precedence');
    equal(reason('syn.staged_25', { user: { other: true }, tenant: null }), 'staged_out');
    equal(reason('syn.staged_25', { user: { 'syn.staged_25': null } }), 'staged_out');
    equal(reason('syn.staged_25', null), 'staged_out');
    equal(reason('syn.staged_25', undefined), 'staged_out');
    const { reason_chain: chain } = FF.evaluate(registry(), { key: 'off', context: OUT, overrides: { user: { off: 7 } } });
    equal(chain[1], { step: 'inline_user_override', outcome: 'unknown_variant' });
  },

  'the time is the clock\'s unless the request says one': (FF) => {
    const HOUR = 3_600_000;
    const until = (expires_at) => ({
      flags: [{ key: 'a', state: 'off' }],
      overrides: [{ scope: 'user', id: 'U-1', flag: 'a', variant: true, expires_at }],
    });
    const request = { key: 'a', context: { user_id: 'U-1' } };
    const runs = until(Date.now() + HOUR);
    const over = until(Date.now() - HOUR);
    equal([FF.evaluate(runs, request).value, FF.evaluate(over, request).value], [true, false]);
    const snapshots = [new FF.Snapshot(runs), new FF.Snapshot(over)];
    equal(snapshots.map((snapshot) => snapshot.evaluate('a', request.context).value), [true, false]);
    equal(snapshots.map((snapshot) => snapshot.evaluateAll(request.context).a), [true, false]);
    equal(FF.evaluateBatch(over, { flags: ['a'], ...request })[0].value, false);
    equal(FF.evaluate(over, { ...request, now: 0 }).value, true);
    equal(FF.evaluate(until(1000), { ...request, now: 999.999 }).value, true);
    equal(FF.evaluate(until(1000), { ...request, now: 1000 }).value, false);
    equal(FF.evaluate(over, { ...request, now: null }).value, false);
  },

  'keys that every object inherits are flags like others, or unknown ones': (FF) => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const known = { flags: names.map((key) => ({ key, state: 'off' })) };
    for (const key of names) {
      equal(FF.evaluate({ flags: [] }, { key, context: OUT }).source, 'unknown_flag');
      equal(FF.evaluate(known, { key, context: OUT }).reason, 'flag_off');
      const inherits = FF.evaluate(known, { key, context: OUT, overrides: { user: {}, tenant: Object.create({ [key]: true }) } });
      equal(inherits.reason_chain.slice(1, 3).map(({ outcome }) => outcome), ['absent', 'absent']);
      const overrides = { user: JSON.parse(`{"${key}":true}`) };
      equal(FF.evaluate(known, { key, context: OUT, overrides }).reason, 'user_override_precedence');
    }
    const all = new FF.Snapshot(known).evaluateAll(OUT);
    equal(Object.getPrototypeOf(all), null);
    equal(Object.keys(all), names);
  },

  'more registries than are kept compiled each get their own answer': (FF) => {
    const COUNT = 30;
    const description = 'x'.repeat(300_000 / 5);
    const large = (on) => ({
      flags: [
        { key: 'a', state: on ? 'on' : 'off' },
        ...Array.from({ length: 5 }, (_, i) => ({ key: `filler.${i}`, description })),
      ],
      version: COUNT,
    });
    const registries = Array.from({ length: COUNT }, (_, i) => ({ ...large(i % 3 === 0), version: i }));
    for (let round = 0; round < 2; round++) {
      registries.forEach((given, i) => equal(FF.evaluate(given, { key: 'a' }).value, i % 3 === 0, `registry ${i}`));
    }
  },
};
