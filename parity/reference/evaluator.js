// The oracle: a second, independent evaluator in plain JavaScript, written from docs/evaluation.md.
//
// It exists to disagree with the Rust one when either is wrong, so it is written for reading and not for speed: a
// document is read anew for every call, nothing is cached, and every rule stands where the page has it. The section
// numbers in the comments are those of docs/evaluation.md.
//
// It loads with `require`, and as a plain script in a browser, where it is `globalThis.FF`.
(function (root) {
  'use strict';

  const TWO_32 = 2 ** 32;
  const MAX_FLAG_BYTES = 64 * 1024;
  const GLOBAL_SWITCH = '*';
  const SCHEMAS = ['burgee.snapshot/1', 'burgee.registry/1'];

  // ---- Values ------------------------------------------------------------------------------------------------------

  const isString = (value) => typeof value === 'string';
  const isText = (value) => isString(value) && value !== '';
  const isBoolean = (value) => typeof value === 'boolean';
  const isNumber = (value) => typeof value === 'number';
  const isVersion = (value) => Number.isSafeInteger(value) && value >= 0;
  const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

  // Names come from users: `constructor` and `__proto__` must not be found where nobody wrote them.
  const own = (object, name) => (isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined);

  // `null` means absent for every optional field; the two fields where it means something read with `own`.
  const field = (object, name) => own(object, name) ?? undefined;

  // In unicode mode a pair is one character, so only a surrogate that stands alone is in the class.
  const LONE_SURROGATE = /[\ud800-\udfff]/u;

  // Names count as much as values, and fields that are ignored as much as those that are read: the text as a whole
  // cannot be held as UTF-8.
  function holdsLoneSurrogate(value) {
    if (isString(value)) return LONE_SURROGATE.test(value);
    if (Array.isArray(value)) return value.some(holdsLoneSurrogate);
    if (!isObject(value)) return false;
    return Object.keys(value).some((name) => LONE_SURROGATE.test(name) || holdsLoneSurrogate(value[name]));
  }

  // ---- Time (1) ----------------------------------------------------------------------------------------------------

  const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
  const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const isLeapYear = (year) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const daysInMonth = (year, month) => (month === 2 && isLeapYear(year) ? 29 : MONTH_DAYS[month - 1]);

  // Days from 1 January of the year 0 (negative ones do not occur: years are written with four digits).
  function dayNumber(year, month, day) {
    const before = year - 1;
    const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) + 1;
    let days = year * 365 + leapDays + day - 1;
    for (let m = 1; m < month; m += 1) days += daysInMonth(year, m);
    return days;
  }
  const EPOCH = dayNumber(1970, 1, 1);

  // Milliseconds since the epoch, or undefined for what names no instant. By hand, because `Date.parse` rolls 31 April
  // over into May and takes forms that RFC 3339 does not have.
  function parseTime(value) {
    if (Number.isSafeInteger(value)) return value;
    const parts = isString(value) && RFC3339.exec(value);
    if (!parts) return undefined;
    const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
    const [offsetHour, offsetMinute] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
    if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
    // A leap second is 60, and so out of range like any other.
    if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
    const millis = Number(`${parts[7] ?? ''}000`.slice(0, 3));
    const offset = (parts[8] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute);
    const minutes = ((dayNumber(year, month, day) - EPOCH) * 24 + hour) * 60 + minute - offset;
    return (minutes * 60 + second) * 1000 + millis;
  }
  const isTime = (value) => parseTime(value) !== undefined;

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

  function bucketOf(bucketing, { tenant, salt, unit, key }) {
    if (bucketing === 'djb2-xor') {
      const bucket = hashBucket(`${unit}|${key}`);
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
    return { total, cuts: sums.map((sum, i) => (i >= last ? TWO_32 : Math.floor((sum / total) * TWO_32))) };
  }

  // ---- Reading a flag (1) ------------------------------------------------------------------------------------------

  // What is wrong with one entry of an array; never with the document.
  class Fault extends Error {}
  const need = (condition, message) => {
    if (!condition) throw new Fault(message);
  };

  const oneOf = (...words) => (value) => words.includes(value);
  const isStrings = (value) => Array.isArray(value) && value.every(isString);
  const isKey = (value) => isString(value) && /^[A-Za-z0-9._-]{1,128}$/.test(value);
  const STAGE = /^(draft|internal|full|paused|rolled_back|staged_[1-9]\d?)$/;
  const isStage = (value) => isString(value) && STAGE.test(value);
  const isPlain = (value) => isString(value) || isNumber(value) || isBoolean(value);
  const isMapOf = (check) => (value) => isObject(value) && Object.values(value).every(check);
  const isOptional = (check) => (value) => value === undefined || check(value);
  const isSensitive = (value) =>
    ['sensitive_flag', 'requires_approval'].every((name) => isBoolean(own(value, name))) &&
    isOptional(isString)(field(value, 'approval_matrix_row'));
  // Characters are Unicode's, not UTF-16 units, so that a name may be as long in every script.
  const isVariantKey = (value) => isText(value) && Array.from(value).length <= 128;

  // Optional fields: absent, or as their check has it.
  function needFields(object, checks) {
    for (const [name, check] of Object.entries(checks)) {
      need(isOptional(check)(field(object, name)), `${name} is not what it should be`);
    }
  }

  // An optional list.
  function list(object, name) {
    needFields(object, { [name]: Array.isArray });
    return field(object, name) ?? [];
  }

  const isInteger = Number.isSafeInteger;
  const VALUE_CHECKS = { boolean: isBoolean, string: isString, integer: isInteger, number: isNumber, json: () => true };

  const FLAG_FIELDS = {
    type: oneOf(...Object.keys(VALUE_CHECKS)),
    state: oneOf('on', 'off', 'archived'),
    version: isVersion, created_at: isTime, updated_at: isTime,
    description: isString, owner: isString, tags: isStrings, metadata: isMapOf(isPlain),
    bucketing: oneOf('djb2-xor', 'djb2-xor-fmix32'), bucket_by: isText, salt: isString,
    kill_switch: (value) => isText(value) && value !== GLOBAL_SWITCH,
    high_impact: isBoolean, sensitive: isSensitive,
  };

  function readVariants(raw, type) {
    const written = list(raw, 'variants');
    if (written.length === 0) {
      need(type === 'boolean', 'a flag that is not boolean needs variants');
      return [{ key: 'on', value: true }, { key: 'off', value: false }];
    }
    const seen = new Set();
    return written.map((variant) => {
      const key = own(variant, 'key');
      need(isVariantKey(key) && !seen.has(key), 'a variant\'s key is unusable, or another has it');
      seen.add(key);
      // Here `null` is a value like others, and a missing one is not.
      need(Object.hasOwn(variant, 'value') && VALUE_CHECKS[type](variant.value), `a variant's value is no ${type}`);
      return { key, value: variant.value };
    });
  }

  function variantOf(key, variants) {
    const variant = variants.find((candidate) => candidate.key === key);
    need(variant, `${key} is not a variant's key`);
    return variant;
  }

  // `off_variant` and `default_variant`: written as null they say "no value", and are not the same as absent.
  function readVariantOrNull(raw, name, variants, implied) {
    if (own(raw, name) === undefined) return implied;
    return raw[name] === null ? undefined : variantOf(raw[name], variants);
  }

  function readStage(raw) {
    const long = field(raw, 'stage');
    const isShort = field(raw, 'rollout_stage') !== undefined || field(raw, 'rollout_stage_map') !== undefined;
    if (long === undefined && !isShort) return undefined;
    need(long === undefined || !isShort, 'both stage and its short form');
    const [stage, byEnvironment] = ['rollout_stage', 'rollout_stage_map'].map((name) => field(long ?? raw, name));
    need(isStage(stage), 'rollout_stage is not a stage');
    need(isOptional(isMapOf(isStage))(byEnvironment), 'rollout_stage_map is not a map of stages');
    return { stage, byEnvironment };
  }

  function readServe(raw, variants) {
    need(isObject(raw), 'a serve is not an object');
    needFields(raw, { bucket_by: isText, salt: isString });
    const [variant, distribution] = [field(raw, 'variant'), field(raw, 'distribution')];
    need((variant === undefined) !== (distribution === undefined), 'a serve has a variant or a distribution');
    if (distribution === undefined) return { variant: variantOf(variant, variants) };
    const entries = list(raw, 'distribution').map((entry) => {
      const weight = own(entry, 'weight');
      need(isNumber(weight) && weight >= 0, 'weight is not a number >= 0');
      return { variant: variantOf(own(entry, 'variant'), variants), weight };
    });
    const { total, cuts } = distributionCuts(entries.map((entry) => entry.weight));
    // Of an infinite sum there are no shares.
    need(total > 0 && total < Infinity, 'the weights have no usable sum');
    const cutEntries = entries.map((entry, i) => ({ variant: entry.variant, cut: cuts[i] }));
    return { distribution: cutEntries, bucketBy: field(raw, 'bucket_by'), salt: field(raw, 'salt') };
  }

  function readTargets(raw, variants) {
    if (raw === undefined) return undefined;
    need(isObject(raw), 'targets is not an object');
    needFields(raw, { deny: isStrings });
    const allow = list(raw, 'allow').map((entry) => {
      need(isStrings(own(entry, 'ids')), 'ids is not a list of strings');
      return { variant: variantOf(own(entry, 'variant'), variants), ids: entry.ids };
    });
    return { allow, deny: field(raw, 'deny') ?? [] };
  }

  function readFlag(raw) {
    need(isObject(raw), 'a flag is not an object');
    need(new TextEncoder().encode(JSON.stringify(raw)).length <= MAX_FLAG_BYTES, 'a flag is larger than 64 KiB');
    need(!holdsLoneSurrogate(raw), 'a lone surrogate');
    const key = own(raw, 'key');
    need(isKey(key), 'key is not 1-128 of A-Z a-z 0-9 . _ -');
    needFields(raw, FLAG_FIELDS);
    const type = field(raw, 'type') ?? 'boolean';
    const variants = readVariants(raw, type);
    const first = (value) => (type === 'boolean' ? variants.find((variant) => variant.value === value) : undefined);
    const defaultVariant = readVariantOrNull(raw, 'default_variant', variants, first(true));
    const fallthrough = field(raw, 'fallthrough');
    return {
      key, type, variants, defaultVariant,
      state: field(raw, 'state') ?? 'on',
      version: field(raw, 'version') ?? 0,
      offVariant: readVariantOrNull(raw, 'off_variant', variants, first(false)),
      // What stages turn on.
      onVariant: type === 'boolean' ? first(true) : defaultVariant,
      stage: readStage(raw),
      bucketing: field(raw, 'bucketing'),
      bucketBy: field(raw, 'bucket_by'),
      salt: field(raw, 'salt'),
      targets: readTargets(field(raw, 'targets'), variants),
      fallthrough: fallthrough === undefined ? { variant: defaultVariant } : readServe(fallthrough, variants),
      killSwitch: field(raw, 'kill_switch'),
      // Steps that are not built: the flag is off for having them, whatever is in them.
      isUnbuilt: list(raw, 'prerequisites').length + list(raw, 'rules').length > 0,
    };
  }

  // ---- Reading a document (1) --------------------------------------------------------------------------------------

  const refused = (code, pointer, message) => Object.assign(new Error(message), { code, pointer });

  class Loaded {
    tenant = '';
    flags = new Map(); // key → flag; null for one that stays addressable and is off
    rows = new Map(); // rowKey → stored override
    engaged = new Set(); // categories whose kill switch is engaged
    warnings = [];

    warn(code, pointer, message) {
      this.warnings.push({ code, pointer, message });
    }

    // Gives undefined, with a warning, for an entry that has a fault.
    read(code, pointer, reader, raw) {
      try {
        return reader(raw);
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        this.warn(code, pointer, fault.message);
        return undefined;
      }
    }
  }

  // JSON writes lists without ambiguity, whatever characters an id has.
  const rowKey = (scope, id, flag) => JSON.stringify([scope, id, flag]);

  // An entry has one warning at most: a second flag of a key is left out, whatever else may be wrong with it.
  function loadFlag(loaded, raw, pointer) {
    const key = own(raw, 'key');
    const isTaken = loaded.flags.has(key);
    const flag = loaded.read(isTaken ? 'duplicate_flag' : 'invalid_flag', pointer, readFlag, raw);
    if (flag?.state === 'archived') return; // As if it were not there: it takes no key from another either.
    if (flag && isTaken) loaded.warn('duplicate_flag', pointer, `a second flag ${key}`);
    if (isTaken || !isKey(key)) return;
    loaded.flags.set(key, flag && !flag.isUnbuilt ? flag : null);
    if (flag?.isUnbuilt) loaded.warn('unsupported', pointer, 'prerequisites and rules are not evaluated');
  }

  function readRow(raw) {
    need(isObject(raw) && !holdsLoneSurrogate(raw), 'an override is not an object, or has a lone surrogate');
    const [scope, id, flag, variant] = ['scope', 'id', 'flag', 'variant'].map((name) => own(raw, name));
    need(scope === 'user' || scope === 'tenant', 'scope is neither user nor tenant');
    need(isText(id), 'id is not a string, or empty');
    need(isString(flag), 'flag is not a string');
    need(isString(variant) || isBoolean(variant), 'variant is neither a string nor a boolean');
    needFields(raw, { approval_ref: isString, reason: isString, created_by: isString });
    needFields(raw, { created_at: isTime, expires_at: isTime });
    return { scope, id, flag, variant, expiresAt: parseTime(field(raw, 'expires_at')) };
  }

  function loadRow(loaded, raw, pointer) {
    const row = loaded.read('invalid_override', pointer, readRow, raw);
    if (row && !loaded.flags.has(row.flag)) loaded.warn('override_unknown_flag', pointer, `no flag ${row.flag}`);
    if (!row || !loaded.flags.has(row.flag)) return;
    const key = rowKey(row.scope, row.id, row.flag);
    const earlier = loaded.rows.get(key);
    if (earlier) loaded.warn('duplicate_override', earlier.pointer, `${pointer} counts instead`);
    loaded.rows.set(key, { ...row, pointer });
  }

  function readSwitch(raw) {
    need(isText(own(raw, 'category')) && !holdsLoneSurrogate(raw), 'category is not a string, or empty');
    needFields(raw, { engaged: isBoolean });
    return { category: raw.category, engaged: field(raw, 'engaged') ?? true };
  }

  // A document is JSON, so what JSON cannot hold is not in it. The copy also keeps the caller's objects untouched, and
  // makes every name in it an own property, `__proto__` included.
  const asJson = (value) => JSON.parse(JSON.stringify(value) ?? 'null');

  function load(registry) {
    const document = asJson(registry);
    if (!isObject(document)) throw refused('wrong_type', '', 'a document is an object');
    const accept = (name, check, absent) => {
      const value = field(document, name) ?? absent;
      if (value === undefined) throw refused('missing', `/${name}`, `${name} must be there`);
      if (!check(value)) throw refused('wrong_type', `/${name}`, `${name} is of another type`);
      return value;
    };
    const schema = accept('schema', isString, SCHEMAS[0]);
    if (!SCHEMAS.includes(schema)) throw refused('invalid_value', '/schema', `unknown schema ${schema}`);
    const loaded = new Loaded();
    loaded.tenant = accept('tenant', (value) => isString(value) && !holdsLoneSurrogate(value), '');
    accept('version', isVersion, 0);
    accept('generated_at', isTime, 0);
    const flags = accept('flags', Array.isArray);
    accept('segments', Array.isArray, []);
    const rows = accept('overrides', Array.isArray, []);
    const switches = accept('kill_switches', Array.isArray, []);

    flags.forEach((raw, i) => loadFlag(loaded, raw, `/flags/${i}`));
    rows.forEach((raw, i) => loadRow(loaded, raw, `/overrides/${i}`));
    for (const { flag: key, variant, pointer } of loaded.rows.values()) {
      const flag = loaded.flags.get(key);
      // A flag that is off as a whole has no variants that a row could be held against.
      if (flag && !overridden(flag, variant)) loaded.warn('override_unknown_variant', pointer, 'no such variant');
    }
    switches.forEach((raw, i) => {
      const entry = loaded.read('invalid_kill_switch', `/kill_switches/${i}`, readSwitch, raw);
      // Where a category is listed twice, one that is engaged is enough: a switch fails safe.
      if (entry?.engaged) loaded.engaged.add(entry.category);
    });
    return loaded;
  }

  // ---- Contexts (2) ------------------------------------------------------------------------------------------------

  function idText(context, name) {
    const value = own(context, name);
    if (isText(value)) return value;
    return Number.isSafeInteger(value) ? `${value}` : undefined; // which writes -0 as 0
  }

  const userText = (context) => idText(context, 'user_id') ?? idText(context, 'project_id');
  const stringOr = (context, name, otherwise) => (isString(own(context, name)) ? context[name] : otherwise);

  // ---- The walk (4) ------------------------------------------------------------------------------------------------

  // The variant that an override means for this flag, or undefined.
  function overridden(flag, override) {
    if (isBoolean(override)) {
      return flag.type === 'boolean' ? flag.variants.find((variant) => variant.value === override) : undefined;
    }
    return flag.variants.find((variant) => variant.key === override);
  }

  function walk(loaded, key, { context, overrides, now }) {
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

    if (flag.targets) {
      const id = userText(context);
      if (flag.targets.deny.includes(id)) return off('target', 'deny_list');
      const allowed = flag.targets.allow.find((entry) => entry.ids.includes(id));
      if (allowed) return decide(flag, 'target', 'allow_list', allowed.variant);
      pass('target', 'no_match');
    }

    const locate = (bucketing, bucketBy, salt) => {
      const unit = bucketBy === undefined ? userText(context) : idText(context, bucketBy);
      return unit && bucketOf(bucketing, { tenant: loaded.tenant, salt: salt ?? key, unit, key });
    };

    if (flag.stage) {
      const environment = stringOr(context, 'env', 'dev');
      const stage = own(flag.stage.byEnvironment, environment) ?? flag.stage.stage;
      const reported = { rollout_stage: stage };
      if (!stage.startsWith('staged_')) {
        const step = 'rollout_stage_map';
        if (stage === 'full') return on(step, 'stage_full', reported);
        if (stage !== 'internal') return off(step, `stage_${stage}`, reported);
        const isStaff = stringOr(context, 'tier', 'anonymous') === 'staff';
        return isStaff ? on(step, 'stage_internal_staff', reported) : off(step, 'stage_internal_not_staff', reported);
      }
      const step = 'staged_bucket';
      const percentage = Number(stage.slice('staged_'.length));
      const [bucketing, cut] = [flag.bucketing ?? 'djb2-xor', percentageCut(percentage)];
      reported.threshold = bucketing === 'djb2-xor' ? percentage : thresholdOf(bucketing, cut);
      const at = locate(bucketing, flag.bucketBy, flag.salt);
      if (!at) return off(step, 'no_bucketing_unit', reported);
      reported.bucket = at.bucket;
      return at.point < cut ? on(step, 'staged_in', reported) : off(step, 'staged_out', reported);
    }

    const { variant, distribution, bucketBy, salt } = flag.fallthrough;
    if (!distribution) return decide(flag, 'default', 'default', variant);
    const bucketing = flag.bucketing ?? 'djb2-xor-fmix32';
    const at = locate(bucketing, bucketBy ?? flag.bucketBy, salt ?? flag.salt);
    if (at) {
      const entry = distribution.find((candidate) => at.point < candidate.cut);
      const reported = { bucket: at.bucket, threshold: thresholdOf(bucketing, entry.cut) };
      return decide(flag, 'default_distribution', 'default_distribution', entry.variant, reported);
    }
    pass('default_distribution', 'no_bucketing_unit');
    return decide(flag, 'default', 'no_bucketing_unit', flag.defaultVariant);
  }

  // ---- The interface -----------------------------------------------------------------------------------------------

  // Either takes a document, or what `load` made of one.
  function evaluateBatch(registry, { flags, context, overrides, now = Date.now() }) {
    const loaded = registry instanceof Loaded ? registry : load(registry);
    return flags.map((key) => walk(loaded, key, { context, overrides, now }));
  }

  const evaluate = (registry, { key, ...request }) => evaluateBatch(registry, { ...request, flags: [key] })[0];

  const FF = { hashBucket, evaluate, evaluateBatch, load };
  if (typeof module === 'object' && module.exports) module.exports = FF;
  else root.FF = FF;
})(globalThis);
