// The oracle: a second, independent evaluator in plain JavaScript, written from docs/evaluation.md.
//
// It exists to disagree with the Rust one when either is wrong, so it is written for reading and not for speed: a
// document is read anew for every call, nothing is cached, and every rule stands where the page has it. The section
// numbers in the comments are those of docs/evaluation.md.
//
// It loads with `require`, and as plain scripts in a browser, where it is `globalThis.FF`: values.js, conditions.js and
// document.js go before it.
(function (root) {
  'use strict';

  const isModule = typeof module === 'object' && module.exports;
  const { own, field, idText, userText, attributeOf } = isModule ? require('./values.js') : root.FFValues;
  const { matches, seenIn } = isModule ? require('./conditions.js') : root.FFConditions;
  const { GLOBAL_SWITCH, Loaded, load, overridden, rowKey } = isModule ? require('./document.js') : root.FFDocument;

  const TWO_32 = 2 ** 32;

  // ---- Bucketing (3) -----------------------------------------------------------------------------------------------

  function djb2Xor(text) {
    let h = 5381;
    for (let i = 0; i < text.length; i += 1) h = (((h << 5) + h) ^ text.charCodeAt(i)) >>> 0;
    return h;
  }

  function fmix32(h) {
    const once = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
    return (twice ^ (twice >>> 16)) >>> 0;
  }

  const hashBucket = (text) => djb2Xor(text) % 100;
  const percentageCut = (percentage) => Math.floor((percentage / 100) * TWO_32);
  const thresholdOf = (bucketing, cut) => (bucketing === 'djb2-xor' ? (cut * 100) / TWO_32 : cut / TWO_32);

  function bucketOf(bucketing, { tenant, salt, unit, key, suffix = '' }) {
    if (bucketing === 'djb2-xor') {
      const bucket = hashBucket(`${unit}|${key}${suffix}`);
      return { bucket, point: percentageCut(bucket) };
    }
    const point = fmix32(djb2Xor(`${tenant}|${salt}|${unit}`));
    return { bucket: point / TWO_32, point };
  }

  // Divided before it is multiplied: a huge weight times 2^32 would be infinite.
  function distributionCuts(weights) {
    let total = 0;
    const sums = weights.map((weight) => (total += weight));
    const last = weights.findLastIndex((weight) => weight > 0);
    return sums.map((sum, i) => (i >= last ? TWO_32 : Math.floor((sum / total) * TWO_32)));
  }

  // ---- The walk (4) ------------------------------------------------------------------------------------------------

  function walk(loaded, key, { context, overrides, permits, now }) {
    const chain = [];
    const pass = (step, outcome) => chain.push({ step, outcome });

    function decide(flag, step, reason, variant, reported = {}) {
      pass(step, 'match');
      return {
        flag_key: key,
        enabled: !!variant && (flag.type === 'boolean' ? variant.value : variant !== flag.offVariant),
        value: variant?.value ?? null, variant: variant?.key ?? null,
        source: step, reason, ...reported,
        flag_version: flag?.version ?? null, reason_chain: chain,
      };
    }

    if (!loaded.flags.has(key)) return decide(null, 'unknown_flag', 'unknown_flag');
    const flag = loaded.flags.get(key);
    if (flag === null) return decide(null, 'off', 'flag_invalid');

    const off = (step, reason, reported) => decide(flag, step, reason, flag.offVariant, reported);
    const on = (step, reason, reported) => decide(flag, step, reason, flag.onVariant, reported);

    // Alone with the document, a flag that nobody has yet is no secret.
    const isOpen = permits === undefined && flag.isDormant && ['user', 'tenant'].every((scope) => field(own(overrides, scope), key) === undefined);
    if (flag.isSensitive && !isOpen) {
      const permit = own(permits, key) ?? 'auth_not_verified';
      if (permit !== true) return off('sensitive', permit);
      pass('sensitive', 'permitted');
    }

    if (loaded.engaged.has(GLOBAL_SWITCH)) return off('kill_switch', 'kill_switch_global');
    if (loaded.engaged.has(flag.killSwitch)) return off('kill_switch', 'kill_switch_category');
    pass('kill_switch', 'absent');

    for (const scope of ['user', 'tenant']) {
      const step = `inline_${scope}_override`;
      const override = field(own(overrides, scope), key);
      const variant = overridden(flag, override);
      if (variant) return decide(flag, step, `${scope}_override_precedence`, variant);
      pass(step, override === undefined ? 'absent' : 'unknown_variant');
    }

    for (const scope of ['user', 'tenant']) {
      const step = `store_${scope}_override`;
      const id = idText(context, `${scope}_id`);
      const row = id === undefined ? undefined : loaded.rows.get(rowKey(scope, id, key));
      const isExpired = row?.expiresAt !== undefined && now >= row.expiresAt;
      const variant = row && !isExpired ? overridden(flag, row.variant) : undefined;
      if (variant) return decide(flag, step, `${scope}_override_precedence`, variant);
      pass(step, !row ? 'absent' : isExpired ? 'expired' : 'unknown_variant');
    }

    if (flag.state === 'off') return off('off', 'flag_off');
    pass('off', 'no_match');

    for (const prerequisite of flag.prerequisites) {
      if (!isMet(prerequisite)) return off('prerequisite', 'prerequisite_failed', { prerequisite: prerequisite.flag });
      pass('prerequisite', 'met');
    }

    function isMet(prerequisite) {
      if (flag.isNeverMet || !loaded.flags.has(prerequisite.flag)) return false;
      const { variant, source } = walk(loaded, prerequisite.flag, { context, overrides, permits, now });
      return source !== 'sensitive' && prerequisite.variants.includes(variant); // which null is never among
    }

    if (flag.targets) {
      const id = userText(context);
      if (flag.targets.deny.includes(id)) return off('target', 'deny_list');
      const allowed = flag.targets.allow.find((entry) => entry.ids.includes(id));
      if (allowed) return decide(flag, 'target', 'allow_list', allowed.variant);
      pass('target', 'no_match');
    }

    // The context's place among all, or undefined without a unit.
    const locate = (bucketing, bucketBy, salt, suffix) => {
      const unit = bucketBy === undefined ? userText(context) : idText(context, bucketBy);
      return unit && bucketOf(bucketing, { tenant: loaded.tenant, salt, unit, key, suffix });
    };

    const bucketing = flag.bucketing ?? 'djb2-xor-fmix32';
    const share = (distribution, at) => {
      const cuts = distributionCuts(distribution.map(({ weight }) => weight));
      const i = cuts.findIndex((cut) => at.point < cut);
      return { variant: distribution[i].variant, reported: { bucket: at.bucket, threshold: thresholdOf(bucketing, cuts[i]) } };
    };

    // The rule's outcome; with a match, what it serves.
    function tryRule({ id, when, percentage, serve, ...rule }) {
      if (when !== undefined && !matches(when, seenIn(context, loaded.segments))) return { outcome: 'no_match' };
      const bucketBy = rule.bucketBy ?? flag.bucketBy;
      const salt = rule.salt ?? flag.salt ?? key;
      const reported = { rule_id: id };
      if (percentage !== undefined) {
        const at = locate(bucketing, bucketBy, salt);
        const cut = percentageCut(percentage);
        if (!at) return { outcome: 'no_bucketing_unit' };
        if (at.point >= cut) return { outcome: 'not_in_percentage' };
        Object.assign(reported, { bucket: at.bucket, threshold: thresholdOf(bucketing, cut) });
      }
      if (!serve.distribution) return { outcome: 'match', variant: serve.variant, reported };
      // The percentage must not choose for the distribution.
      const suffix = percentage === undefined ? '' : `/${id}`;
      const at = locate(bucketing, serve.bucketBy ?? bucketBy, serve.salt ?? `${salt}${suffix}`, suffix);
      if (!at) return { outcome: 'no_bucketing_unit' };
      const shared = share(serve.distribution, at);
      return { outcome: 'match', variant: shared.variant, reported: { ...reported, ...shared.reported } };
    }

    for (const rule of flag.rules) {
      const { outcome, variant, reported } = tryRule(rule);
      if (outcome === 'match') return decide(flag, 'rule', 'rule_match', variant, reported);
      pass('rule', outcome);
    }

    if (flag.stage) {
      const stage = own(flag.stage.byEnvironment, attributeOf(context, 'env')) ?? flag.stage.stage;
      const reported = { rollout_stage: stage };
      if (!stage.startsWith('staged_')) {
        const step = 'rollout_stage_map';
        if (stage === 'full') return on(step, 'stage_full', reported);
        if (stage !== 'internal') return off(step, `stage_${stage}`, reported);
        const isStaff = attributeOf(context, 'tier') === 'staff';
        return isStaff ? on(step, 'stage_internal_staff', reported) : off(step, 'stage_internal_not_staff', reported);
      }
      const step = 'staged_bucket';
      const percentage = Number(stage.slice('staged_'.length));
      const [stageBucketing, cut] = [flag.bucketing ?? 'djb2-xor', percentageCut(percentage)];
      reported.threshold = stageBucketing === 'djb2-xor' ? percentage : thresholdOf(stageBucketing, cut);
      const at = locate(stageBucketing, flag.bucketBy, flag.salt ?? key);
      if (!at) return off(step, 'no_bucketing_unit', reported);
      reported.bucket = at.bucket;
      return at.point < cut ? on(step, 'staged_in', reported) : off(step, 'staged_out', reported);
    }

    const { fallthrough } = flag;
    let { variant } = fallthrough;
    if (fallthrough.distribution) {
      const at = locate(bucketing, fallthrough.bucketBy ?? flag.bucketBy, fallthrough.salt ?? flag.salt ?? key);
      if (at) {
        const shared = share(fallthrough.distribution, at);
        return decide(flag, 'default_distribution', 'default_distribution', shared.variant, shared.reported);
      }
      pass('default_distribution', 'no_bucketing_unit');
      variant = flag.defaultVariant;
    }
    const lacksUnit = chain.some(({ outcome }) => outcome === 'no_bucketing_unit');
    return decide(flag, 'default', lacksUnit ? 'no_bucketing_unit' : 'default', variant);
  }

  // ---- The interface -----------------------------------------------------------------------------------------------

  // Either takes a document, or what `load` made of one. `permits` names the sensitive flags that the caller may be told of: `true`, or why not.
  function evaluateBatch(registry, { flags, context, overrides, permits, now = Date.now() }) {
    const loaded = registry instanceof Loaded ? registry : load(registry);
    return flags.map((key) => walk(loaded, key, { context, overrides, permits, now }));
  }

  const evaluate = (registry, { key, ...request }) => evaluateBatch(registry, { ...request, flags: [key] })[0];

  const FF = { hashBucket, evaluate, evaluateBatch, load };
  if (typeof module === 'object' && module.exports) module.exports = FF;
  else root.FF = FF;
})(globalThis);
