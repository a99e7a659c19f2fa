// Snapshots compiled once, flags resolved once, contexts written once.

import { equal, frozen, isDeeplyFrozen, ok, refuses } from './check.mjs';
import { IN, KEYS, OUT, registry } from './registry.mjs';

const SHARED = ['flag_key', 'value', 'variant', 'enabled', 'source', 'reason', 'flag_version'];
const pick = (decision) => Object.fromEntries(SHARED.map((name) => [name, decision[name]]));

export const handles = {
  'a snapshot says what it holds': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    equal([snapshot.tenant, snapshot.version, snapshot.generatedAt], ['acme', 7, 1_700_000_000_000]);
    equal(snapshot.flagKeys, KEYS);
    equal(snapshot.warnings.map(({ code, pointer }) => [code, pointer]), [['invalid_flag', '/flags/11/variants']]);
    ok(snapshot.warnings[0].message.length > 0);
    ok(isDeeplyFrozen(snapshot.flagKeys) && isDeeplyFrozen(snapshot.warnings), 'what it says cannot be changed');
    const bare = new FF.Snapshot({ flags: [] });
    equal([bare.tenant, bare.version, bare.generatedAt, bare.flagKeys, bare.warnings], ['', 0, null, [], []]);
    equal(Object.keys(bare.evaluateAll(IN)), []);
  },

  'keys and handles, contexts and objects give the same as the drop-in functions': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    let count = 0;
    for (const attributes of [IN, OUT, {}, { user_id: 'U-2', plan: 'gold' }, { project_id: 42, tenant_id: 'T-1' }]) {
      const context = snapshot.context(attributes);
      for (const key of [...KEYS, 'nobody.knows']) {
        const expected = pick(FF.evaluate(registry(), { key, context: attributes, now: 0 }));
        const flag = snapshot.flag(key);
        for (const [by, of] of [[key, attributes], [key, context], [flag, attributes], [flag, context]]) {
          equal(pick(snapshot.evaluate(by, of, { now: 0 })), expected);
          equal(snapshot.evaluate(by, of, { now: 0 }).rule_id, null);
          equal(snapshot.decide(by, of, { now: 0 }), FF.evaluate(registry(), { key, context: attributes, now: 0 }));
          equal(snapshot.explain(by, of, { now: 0 }), FF.explain(registry(), { key, context: attributes, now: 0 }));
          count++;
        }
      }
    }
    equal(count, 5 * 13 * 4);
  },

  'a flag says whether it exists': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    equal([snapshot.flag('off').key, snapshot.flag('off').exists], ['off', true]);
    equal([snapshot.flag('nobody.knows').key, snapshot.flag('nobody.knows').exists], ['nobody.knows', false]);
    equal(snapshot.evaluate(snapshot.flag('nobody.knows'), IN).source, 'unknown_flag');
    equal([snapshot.flag('constructor').exists, snapshot.flag('__proto__').exists], [false, true]);
  },

  'evaluations are frozen to the bottom, and one object for one answer': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    for (const key of KEYS) {
      const evaluation = snapshot.evaluate(key, IN, { now: 0 });
      ok(isDeeplyFrozen(evaluation), key);
      ok(evaluation === snapshot.evaluate(snapshot.flag(key), snapshot.context(IN), { now: 0 }), key);
    }
    const { layout } = snapshot.evaluateAll(IN);
    ok(isDeeplyFrozen(layout) && layout === snapshot.evaluate('layout', OUT).value);
  },

  'evaluateAll gives every value': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    for (const attributes of [IN, OUT, {}]) {
      const decisions = FF.evaluateBatch(registry(), { flags: KEYS, context: attributes, now: 0 });
      const expected = Object.fromEntries(decisions.map(({ flag_key: key, value }) => [key, value]));
      for (const context of [attributes, snapshot.context(attributes)]) {
        const all = snapshot.evaluateAll(context, { now: 0 });
        equal(all, expected);
        equal(Object.keys(all), KEYS);
        equal(Object.getPrototypeOf(all), null);
      }
    }
  },

  'evaluateAll is whole where memory grows under it': (FF) => {
    // Describing a flag takes room for its variants: more than is left, once contexts have filled what was free.
    const value = (key) => `${key}${'v'.repeat(30_000)}`;
    const keys = Array.from({ length: 20 }, (_, i) => `f${i}`);
    const flags = keys.map((key) => ({ key, type: 'string', variants: [{ key: 'v', value: value(key) }], default_variant: 'v' }));
    const snapshot = new FF.Snapshot({ flags: [...flags, { key: 'staged', stage: { rollout_stage: 'staged_1' } }] });
    const context = snapshot.context({});
    const before = FF.__memoryBytes();
    const fillers = [];
    while (FF.__memoryBytes() === before) {
      fillers.push(snapshot.context({ user_id: 'x'.repeat(60_000) }));
      snapshot.evaluate('staged', fillers.at(-1));
    }
    const filled = FF.__memoryBytes();
    const all = snapshot.evaluateAll(context);
    ok(FF.__memoryBytes() > filled, 'memory did not grow');
    equal(Object.keys(all), [...keys, 'staged']);
    for (const key of keys) ok(all[key] === value(key), key);
    for (const handle of [...fillers, context, snapshot]) handle.free();
  },

  'overrides apply to handles too': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const context = snapshot.context(OUT);
    const overrides = frozen({ user: { off: true }, tenant: { 'syn.staged_25': 'on' } });
    equal(snapshot.evaluate('off', context, { overrides }).reason, 'user_override_precedence');
    equal(snapshot.evaluate('syn.staged_25', context, { overrides }).reason, 'tenant_override_precedence');
    equal(snapshot.evaluate('staff.only', context, { overrides }).reason, 'stage_internal_not_staff');
    equal(snapshot.evaluate('off', context, { overrides: null }).reason, 'flag_off');
    equal(snapshot.evaluate('off', context).reason, 'flag_off');
  },

  'a stored override ends when it says': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const context = snapshot.context({ user_id: 'U-timed' });
    const reason = (now) => snapshot.evaluate('timed', context, { now }).reason;
    equal(reason(1_699_999_999_999), 'user_override_precedence');
    equal(reason(1_700_000_000_000), 'default');
    equal(snapshot.evaluate('timed', context).reason, 'default');
  },

  'a context stays as it was when it was made': (FF) => {
    const attributes = { user_id: 'bucket-low-1', groups: ['a', ['b']] };
    const snapshot = new FF.Snapshot(registry());
    const context = snapshot.context(attributes);
    attributes.user_id = 'U-1';
    attributes.groups.push('c');
    attributes.groups[1].push('d');
    equal(context.attributes, { user_id: 'bucket-low-1', groups: ['a', ['b']] });
    ok(isDeeplyFrozen(context.attributes));
    equal(snapshot.evaluate('syn.staged_25', context).reason, 'staged_in');
    equal(snapshot.explain('syn.staged_25', context).bucket, 4);
  },

  'a snapshot stays as it was when it was made': (FF) => {
    const document = registry();
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    const snapshots = [new FF.Snapshot(document), new FF.Snapshot(bytes)];
    document.flags.length = 0;
    bytes.fill(0x20);
    for (const snapshot of snapshots) equal(snapshot.evaluate('by.env', IN).reason, 'stage_full');
  },

  'contexts and flags of another snapshot serve as attributes and keys': (FF) => {
    const one = new FF.Snapshot(registry());
    // The same flags and attributes under other numbers.
    const other = new FF.Snapshot({ ...registry(), flags: registry().flags.reverse(), tenant: 'other' });
    for (const key of KEYS) {
      const expected = pick(other.evaluate(key, IN, { now: 0 }));
      equal(pick(other.evaluate(one.flag(key), one.context(IN), { now: 0 })), expected, key);
      equal(pick(other.decide(one.flag(key), one.context(IN), { now: 0 })), expected, key);
    }
    equal(other.evaluateAll(one.context(IN), { now: 0 }), other.evaluateAll(IN, { now: 0 }));
    const freed = new FF.Snapshot(registry());
    const context = freed.context(IN);
    const flag = freed.flag('by.env');
    freed.free();
    equal(one.evaluate(flag, context).reason, 'stage_full');
  },

  'snapshots do not get in each other\'s way': (FF) => {
    const snapshots = Array.from({ length: 20 }, (_, i) => new FF.Snapshot({ flags: [{ key: 'a', state: i % 2 ? 'on' : 'off' }] }));
    snapshots.forEach((snapshot, i) => i % 5 === 0 && snapshot.free());
    snapshots.forEach((snapshot, i) => i % 5 && equal(snapshot.evaluate('a', IN).value, i % 2 === 1));
  },

  'a freed snapshot says so, whatever is asked of it': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const flag = snapshot.flag('off');
    const fresh = snapshot.flag('timed');
    const context = snapshot.context(IN);
    snapshot.evaluate(flag, context);
    snapshot.free();
    snapshot.free();
    const uses = [
      () => snapshot.evaluate(flag, context),
      () => snapshot.evaluate(fresh, IN),
      () => snapshot.evaluate('nobody.knows', IN),
      () => snapshot.evaluate(flag, IN, { overrides: {} }),
      () => snapshot.decide(flag, IN),
      () => snapshot.explain(fresh, context),
      () => snapshot.evaluateAll(context),
      () => snapshot.evaluateAll(IN),
      () => snapshot.evaluate(flag, snapshot.context(OUT)),
      () => FF.evaluate(snapshot, { key: 'off' }),
      () => FF.evaluateBatch(snapshot, { flags: ['off'] }),
    ];
    for (const use of uses) refuses(FF, use, 'freed');
    equal(uses.length, 11);
    context.free();
    equal([snapshot.tenant, snapshot.flagKeys.length], ['acme', KEYS.length]);
  },

  'a freed context is written again when it is used again': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const context = snapshot.context(IN);
    for (let i = 0; i < 3; i++) {
      equal(snapshot.evaluate('syn.staged_25', context).reason, 'staged_in');
      context.free();
      context.free();
    }
  },

  'handles are disposable': (FF) => {
    const snapshot = new FF.Snapshot(registry());
    const context = snapshot.context(IN);
    equal(snapshot.evaluate('off', context).reason, 'flag_off');
    context[Symbol.dispose]();
    equal(snapshot.evaluate('off', context).reason, 'flag_off');
    snapshot[Symbol.dispose]();
    refuses(FF, () => snapshot.evaluate('off', context), 'freed');
  },
};
