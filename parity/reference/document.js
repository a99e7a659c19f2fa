// Reading a document (1): what is in it, and a warning for every entry that is left out or off.
(function (root) {
  'use strict';

  const isModule = typeof module === 'object' && module.exports;
  const values = isModule ? require('./values.js') : root.FFValues;
  const { checkCondition } = isModule ? require('./conditions.js') : root.FFConditions;
  const { isString, isText, isBoolean, isNumber, isInteger, isVersion, isObject, isScalar, isKey, isName, isTime } = values;
  const { own, field, bytesOf, holdsLoneSurrogate, parseTime } = values;
  const { Fault, need, below, optional, required, listOf, mapOf, filledListOf, strings } = values;

  const MAX_FLAG_BYTES = 64 * 1024;
  const MAX_RULES = 100;
  const MAX_PREREQUISITES = 100;
  const MAX_SEGMENTS = 1000;
  const MAX_WALKS = 256;
  const MAX_DEPTH = 16;
  const GLOBAL_SWITCH = '*';
  const SCHEMAS = ['burgee.snapshot/1', 'burgee.registry/1'];

  const oneOf = (...words) => (value) => words.includes(value);

  function checkEntry(raw, at) {
    need(isObject(raw), at, 'not an object', 'wrong_type');
    need(!holdsLoneSurrogate(raw), at, 'a lone surrogate');
  }

  // ---- The parts of a flag -----------------------------------------------------------------------------------------

  const VALUE_CHECKS = { boolean: isBoolean, string: isString, integer: isInteger, number: isNumber, json: () => true };
  const isWeight = (value) => isNumber(value) && value >= 0;

  // Of an infinite sum there are no shares.
  function checkWeights(weights, at) {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    need(sum > 0 && sum < Infinity, at, 'the weights have no usable sum');
  }

  function readType(raw, at) {
    const variants = field(raw, 'variants');
    const areKeysAlone =
      Array.isArray(variants) && variants.length > 0 && variants.every((variant) => own(variant, 'value') === undefined);
    return optional(raw, at, 'type', oneOf(...Object.keys(VALUE_CHECKS))) ?? (areKeysAlone ? 'string' : 'boolean');
  }

  // `[{key, value, weight}]`, where the weight is undefined unless it is written.
  function readVariants(raw, at, type) {
    const pointer = below(at, 'variants');
    const written = field(raw, 'variants') ?? [];
    need(Array.isArray(written), pointer, 'variants is not a list', 'wrong_type');
    if (written.length === 0) {
      need(type === 'boolean', pointer, 'a flag that is not boolean needs variants', 'missing');
      return [{ key: 'on', value: true }, { key: 'off', value: false }];
    }
    const seen = new Set();
    const variants = written.map((variant, i) => {
      const inner = below(pointer, i);
      need(isObject(variant), inner, 'a variant is not an object', 'wrong_type');
      const key = required(variant, inner, 'key', isName);
      need(!seen.has(key), below(inner, 'key'), 'another variant has the key', 'duplicate');
      seen.add(key);
      // Here `null` is a value like others, and a missing one is its key, in a string flag.
      const value = own(variant, 'value') === undefined && type === 'string' ? key : own(variant, 'value');
      need(value !== undefined, below(inner, 'value'), 'value is missing', 'missing');
      need(VALUE_CHECKS[type](value), below(inner, 'value'), `value is no ${type}`, 'wrong_type');
      return { key, value, weight: optional(variant, inner, 'weight', isWeight) };
    });
    if (variants.some(({ weight }) => weight !== undefined)) checkWeights(variants.map(({ weight }) => weight ?? 0), pointer);
    return variants;
  }

  function variantOf(key, variants, at) {
    const variant = variants.find((candidate) => candidate.key === key);
    need(variant, at, `${key} is not a variant's key`, 'unknown_reference');
    return variant;
  }

  function variantIn(object, at, name, variants) {
    required(object, at, name, isString);
    return variantOf(object[name], variants, below(at, name));
  }

  // `off_variant` and `default_variant`: written as null they say "no value", and are not the same as absent.
  function readVariantOrNull(raw, at, name, variants, implied) {
    if (own(raw, name) === undefined) return implied;
    return raw[name] === null ? undefined : variantOf(raw[name], variants, below(at, name));
  }

  const STAGE = /^(draft|internal|full|paused|rolled_back|staged_[1-9]\d?)$/;
  const isStage = (value) => isString(value) && STAGE.test(value);

  function readStage(raw, at) {
    const long = optional(raw, at, 'stage', isObject);
    const short = ['rollout_stage', 'rollout_stage_map'].find((name) => field(raw, name) !== undefined);
    if (long === undefined && short === undefined) return undefined;
    need(long === undefined || short === undefined, below(at, short), 'both stage and its short form', 'duplicate');
    const [written, pointer] = long ? [long, below(at, 'stage')] : [raw, at];
    return {
      stage: required(written, pointer, 'rollout_stage', isStage),
      byEnvironment: optional(written, pointer, 'rollout_stage_map', mapOf(isStage)),
    };
  }

  // `{variant}` or `{distribution: [{variant, weight}], bucketBy, salt}`.
  function readServe(raw, at, variants) {
    need(isObject(raw), at, 'a serve is not an object', 'wrong_type');
    const has = (name) => field(raw, name) !== undefined;
    need(has('variant') !== has('distribution'), at, 'a serve has a variant or a distribution');
    const serve = {};
    if (has('variant')) serve.variant = variantIn(raw, at, 'variant', variants);
    else serve.distribution = readDistribution(raw.distribution, below(at, 'distribution'), variants);
    serve.bucketBy = optional(raw, at, 'bucket_by', isText);
    serve.salt = optional(raw, at, 'salt', isString);
    return serve;
  }

  function readDistribution(raw, at, variants) {
    need(Array.isArray(raw), at, 'distribution is not a list', 'wrong_type');
    const distribution = raw.map((entry, i) => {
      const inner = below(at, i);
      need(isObject(entry), inner, 'not an object', 'wrong_type');
      return { variant: variantIn(entry, inner, 'variant', variants), weight: required(entry, inner, 'weight', isWeight) };
    });
    checkWeights(distribution.map(({ weight }) => weight), at);
    return distribution;
  }

  // Weights among the variants stand for it.
  function readFallthrough(raw, at, variants, defaultVariant) {
    const weighted = variants.findIndex(({ weight }) => weight !== undefined);
    const fallthrough = field(raw, 'fallthrough');
    if (weighted < 0) return fallthrough === undefined ? { variant: defaultVariant } : readServe(fallthrough, below(at, 'fallthrough'), variants);
    const pointer = below(below(below(at, 'variants'), weighted), 'weight');
    need(fallthrough === undefined, pointer, 'fallthrough is there too', 'duplicate');
    return { distribution: variants.map((variant) => ({ variant, weight: variant.weight ?? 0 })) };
  }

  function readTargets(raw, at, variants) {
    const targets = optional(raw, at, 'targets', isObject);
    if (targets === undefined) return undefined;
    const pointer = below(at, 'targets');
    const allow = (optional(targets, pointer, 'allow', Array.isArray) ?? []).map((entry, i) => {
      const inner = below(below(pointer, 'allow'), i);
      need(isObject(entry), inner, 'not an object', 'wrong_type');
      return { variant: variantIn(entry, inner, 'variant', variants), ids: required(entry, inner, 'ids', strings) };
    });
    return { allow, deny: optional(targets, pointer, 'deny', strings) ?? [] };
  }

  function readPrerequisites(raw, at) {
    const written = optional(raw, at, 'prerequisites', Array.isArray) ?? [];
    const pointer = below(at, 'prerequisites');
    need(written.length <= MAX_PREREQUISITES, pointer, 'too many prerequisites', 'limit_exceeded');
    return written.map((entry, i) => {
      const inner = below(pointer, i);
      need(isObject(entry), inner, 'not an object', 'wrong_type');
      return { flag: required(entry, inner, 'flag', isKey), variants: required(entry, inner, 'variants', filledListOf(isString)) };
    });
  }

  const isPercentage = (value) => isNumber(value) && value >= 0 && value <= 100;

  function readRules(raw, at, variants, segments) {
    const written = optional(raw, at, 'rules', Array.isArray) ?? [];
    const pointer = below(at, 'rules');
    need(written.length <= MAX_RULES, pointer, 'too many rules', 'limit_exceeded');
    const seen = new Set();
    const rules = written.map((rule, i) => readRule(rule, below(pointer, i), { variants, segments, seen }));
    // Which leaves those of one order as they stand.
    return rules.sort((a, b) => a.order - b.order);
  }

  function readRule(raw, at, { variants, segments, seen }) {
    need(isObject(raw), at, 'a rule is not an object', 'wrong_type');
    const id = required(raw, at, 'id', isName);
    need(!seen.has(id), below(at, 'id'), 'another rule has the id', 'duplicate');
    seen.add(id);
    optional(raw, at, 'description', isString);
    const order = optional(raw, at, 'order', isInteger) ?? 0;

    const when = field(raw, 'when');
    if (when !== undefined) checkCondition(when, below(at, 'when'), { segments, isOutermost: true });
    const short = optional(when, below(at, 'when'), 'percentage', isPercentage);
    const isTwice = short !== undefined && field(raw, 'percentage') !== undefined;
    need(!isTwice, below(below(at, 'when'), 'percentage'), 'the rule has a percentage too', 'duplicate');
    const percentage = optional(raw, at, 'percentage', isPercentage) ?? short;

    const bucketBy = optional(raw, at, 'bucket_by', isText);
    const salt = optional(raw, at, 'salt', isString);
    const [serve, rollout] = [field(raw, 'serve'), field(raw, 'rollout')];
    need(serve === undefined || rollout === undefined, below(at, 'rollout'), 'serve and its short form', 'duplicate');
    const name = rollout === undefined ? 'serve' : 'rollout';
    need(field(raw, name) !== undefined, below(at, name), 'serve is missing', 'missing');
    return { id, order, when, percentage, bucketBy, salt, serve: readServe(raw[name], below(at, name), variants) };
  }

  // ---- Flags -------------------------------------------------------------------------------------------------------

  function checkSensitive(value, at) {
    need(isObject(value), at, 'sensitive is not an object', 'wrong_type');
    for (const name of ['sensitive_flag', 'requires_approval']) required(value, at, name, isBoolean);
    optional(value, at, 'approval_matrix_row', isString);
  }

  // Field by field, in the order of the page's table.
  function readFlag(raw, at, segments) {
    need(isObject(raw), at, 'a flag is not an object', 'wrong_type');
    need(bytesOf(JSON.stringify(raw)) <= MAX_FLAG_BYTES, at, 'a flag is larger than 64 KiB', 'limit_exceeded');
    checkEntry(raw, at);
    const flag = { key: required(raw, at, 'key', isKey) };
    const { type } = Object.assign(flag, { type: readType(raw, at) });
    flag.state = optional(raw, at, 'state', oneOf('on', 'off', 'archived')) ?? 'on';
    flag.version = optional(raw, at, 'version', isVersion) ?? 0;
    optional(raw, at, 'description', isString);
    optional(raw, at, 'owner', isString);
    optional(raw, at, 'tags', strings);
    optional(raw, at, 'created_at', isTime);
    optional(raw, at, 'updated_at', isTime);
    const { variants } = Object.assign(flag, { variants: readVariants(raw, at, type) });
    const first = (value) => (type === 'boolean' ? variants.find((variant) => variant.value === value) : undefined);
    flag.offVariant = readVariantOrNull(raw, at, 'off_variant', variants, first(false));
    flag.defaultVariant = readVariantOrNull(raw, at, 'default_variant', variants, first(true));
    // What stages turn on.
    flag.onVariant = type === 'boolean' ? first(true) : flag.defaultVariant;
    optional(raw, at, 'metadata', mapOf(isScalar));
    flag.stage = readStage(raw, at);
    flag.bucketing = optional(raw, at, 'bucketing', oneOf('djb2-xor', 'djb2-xor-fmix32'));
    flag.bucketBy = optional(raw, at, 'bucket_by', isText);
    flag.salt = optional(raw, at, 'salt', isString);
    flag.prerequisites = readPrerequisites(raw, at);
    flag.targets = readTargets(raw, at, variants);
    flag.rules = readRules(raw, at, variants, segments);
    flag.fallthrough = readFallthrough(raw, at, variants, flag.defaultVariant);
    flag.killSwitch = optional(raw, at, 'kill_switch', (value) => isText(value) && value !== GLOBAL_SWITCH);
    const sensitive = optional(raw, at, 'sensitive', checkSensitive);
    flag.isSensitive = sensitive !== undefined && (sensitive.sensitive_flag || sensitive.requires_approval);
    optional(raw, at, 'high_impact', isBoolean);
    return flag;
  }

  // ---- Other entries -----------------------------------------------------------------------------------------------

  function readSegment(raw, at) {
    checkEntry(raw, at);
    const key = required(raw, at, 'key', isKey);
    optional(raw, at, 'name', isString);
    const [conditions, criteria] = [field(raw, 'conditions'), field(raw, 'criteria')];
    need(conditions === undefined || criteria === undefined, below(at, 'criteria'), 'conditions and its short form', 'duplicate');
    const name = criteria === undefined ? 'conditions' : 'criteria';
    const condition = field(raw, name);
    if (condition !== undefined) checkCondition(condition, below(at, name), {});
    const include = optional(raw, at, 'include', strings) ?? [];
    return { key, condition, include, exclude: optional(raw, at, 'exclude', strings) ?? [] };
  }

  function readRow(raw, at) {
    checkEntry(raw, at);
    const scope = required(raw, at, 'scope', oneOf('user', 'tenant'));
    const id = required(raw, at, 'id', isText);
    const flag = required(raw, at, 'flag', isString);
    const variant = required(raw, at, 'variant', (value) => isString(value) || isBoolean(value));
    const expiresAt = parseTime(optional(raw, at, 'expires_at', isTime));
    for (const name of ['approval_ref', 'reason', 'created_by']) optional(raw, at, name, isString);
    optional(raw, at, 'created_at', isTime);
    return { scope, id, flag, variant, expiresAt };
  }

  function readSwitch(raw, at) {
    checkEntry(raw, at);
    const category = required(raw, at, 'category', isText);
    return { category, engaged: optional(raw, at, 'engaged', isBoolean) ?? true };
  }

  // The variant that an override means for this flag, or undefined.
  function overridden(flag, override) {
    if (isBoolean(override)) {
      return flag.type === 'boolean' ? flag.variants.find((variant) => variant.value === override) : undefined;
    }
    return flag.variants.find((variant) => variant.key === override);
  }

  // ---- The whole ---------------------------------------------------------------------------------------------------

  const refused = (code, pointer, message) => Object.assign(new Error(message), { code, pointer });

  // JSON writes lists without ambiguity, whatever characters an id has.
  const rowKey = (scope, id, flag) => JSON.stringify([scope, id, flag]);

  class Loaded {
    tenant = '';
    segments = new Map(); // key → segment; null for one at fault
    flags = new Map(); // key → flag; null for one that stays addressable and is off
    places = new Map(); // key → pointer of the flag
    rows = new Map(); // rowKey → stored override
    engaged = new Set(); // categories whose kill switch is engaged
    warnings = [];

    warn(code, pointer, message, fault) {
      this.warnings.push({ code, pointer, message, ...(fault && { fault }) });
    }

    // Gives undefined, with a warning, for an entry that has a fault. `fault` is what kind of fault it is.
    read(code, at, reader) {
      try {
        return reader();
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        this.warn(code, fault.pointer, fault.message, fault.code);
        return undefined;
      }
    }
  }

  // An entry has one warning at most: a second segment of a key is left out, whatever else may be wrong with it.
  function loadSegment(loaded, raw, at) {
    const key = own(raw, 'key');
    if (loaded.segments.has(key)) {
      loaded.warn('duplicate_segment', at, `a second segment ${key}`);
      return;
    }
    const segment = loaded.read('invalid_segment', at, () => readSegment(raw, at));
    if (isKey(key)) loaded.segments.set(key, segment ?? null);
  }

  // As with segments; but a valid archived flag is as if it were not there, and takes no key from another either.
  function loadFlag(loaded, raw, at) {
    const key = own(raw, 'key');
    const isTaken = loaded.flags.has(key);
    const { warnings } = loaded;
    const flag = loaded.read('invalid_flag', at, () => readFlag(raw, at, loaded.segments));
    if (flag?.state === 'archived') return;
    if (isTaken) {
      if (!flag) warnings.pop();
      loaded.warn('duplicate_flag', at, `a second flag ${key}`);
    } else if (isKey(key)) {
      loaded.flags.set(key, flag ?? null);
      loaded.places.set(key, at);
    }
  }

  // Whether nobody has it, as far as the flag itself says.
  function looksDormant({ state, stage, targets, rules }) {
    const isOff = (name) => ['draft', 'paused', 'rolled_back'].includes(name);
    return state === 'on' && !targets && rules.length === 0 && !!stage && [stage.stage, ...Object.values(stage.byEnvironment ?? {})].every(isOff);
  }

  // ---- Prerequisites -----------------------------------------------------------------------------------------------

  const prerequisitesOf = (flag) => flag?.prerequisites ?? [];

  // Whether a cycle of prerequisites can be reached: whether a path comes back to a flag that is on it.
  function reachesCycle(flags, key, path = []) {
    if (path.includes(key)) return true;
    return prerequisitesOf(flags.get(key)).some(({ flag }) => reachesCycle(flags, flag, [...path, key]));
  }

  // `{walks, depth}` of a flag from which no cycle is reached. Of one that is past a limit both are 1 for the others.
  function extentOf(flags, key) {
    const inner = prerequisitesOf(flags.get(key)).map(({ flag }) => {
      const extent = extentOf(flags, flag);
      return isPastLimit(extent) ? { walks: 1, depth: 1 } : extent;
    });
    return {
      walks: inner.reduce((sum, { walks }) => sum + walks, 1),
      depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    };
  }
  const isPastLimit = ({ walks, depth }) => walks > MAX_WALKS || depth > MAX_DEPTH;

  function judgePrerequisites(loaded) {
    for (const [key, flag] of loaded.flags) {
      if (prerequisitesOf(flag).length === 0) continue;
      const isCyclic = reachesCycle(loaded.flags, key);
      const isPast = !isCyclic && isPastLimit(extentOf(loaded.flags, key));
      flag.isNeverMet = isCyclic || isPast;
      const isUnknown = flag.prerequisites.some((prerequisite) => !loaded.flags.has(prerequisite.flag));
      const code = isUnknown ? 'unknown_flag' : isCyclic ? 'cycle' : isPast ? 'limit' : undefined;
      if (code) loaded.warn(`prerequisite_${code}`, below(loaded.places.get(key), 'prerequisites'), `${key} has prerequisites that cannot be met`);
    }
  }

  // ---- Rows and switches -------------------------------------------------------------------------------------------

  // A row has one warning at most, and whether it stays is known when the last one is read.
  function loadRows(loaded, rows) {
    const read = rows.map((raw, i) => {
      const at = `/overrides/${i}`;
      const warned = loaded.warnings.length;
      const row = loaded.read('invalid_override', at, () => readRow(raw, at));
      return { at, row, warnings: loaded.warnings.splice(warned) };
    });
    for (const { at, row } of read) {
      if (row && loaded.flags.has(row.flag)) loaded.rows.set(rowKey(row.scope, row.id, row.flag), { ...row, at });
    }
    for (const { at, row, warnings } of read) {
      loaded.warnings.push(...warnings);
      if (!row) continue;
      const flag = loaded.flags.get(row.flag);
      if (flag === undefined) loaded.warn('override_unknown_flag', below(at, 'flag'), `no flag ${row.flag}`);
      else if (loaded.rows.get(rowKey(row.scope, row.id, row.flag)).at !== at) loaded.warn('duplicate_override', at, 'a later one counts');
      // A flag that is off as a whole has no variants that a row could be held against.
      else if (flag !== null && !overridden(flag, row.variant)) loaded.warn('override_unknown_variant', below(at, 'variant'), 'no such variant');
    }
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
    const segments = accept('segments', Array.isArray, []);
    const rows = accept('overrides', Array.isArray, []);
    const switches = accept('kill_switches', Array.isArray, []);
    if (segments.length > MAX_SEGMENTS) throw refused('limit_exceeded', '/segments', 'too many segments');

    segments.forEach((raw, i) => loadSegment(loaded, raw, `/segments/${i}`));
    flags.forEach((raw, i) => loadFlag(loaded, raw, `/flags/${i}`));
    judgePrerequisites(loaded);
    loadRows(loaded, rows);
    const withRows = new Set([...loaded.rows.values()].map((row) => row.flag));
    for (const [key, flag] of loaded.flags) if (flag) flag.isDormant = !withRows.has(key) && looksDormant(flag);
    switches.forEach((raw, i) => {
      const at = `/kill_switches/${i}`;
      const entry = loaded.read('invalid_kill_switch', at, () => readSwitch(raw, at));
      // Where a category is listed twice, one that is engaged is enough: a switch fails safe.
      if (entry?.engaged) loaded.engaged.add(entry.category);
    });
    return loaded;
  }

  const document = { GLOBAL_SWITCH, Loaded, load, overridden, rowKey };
  if (isModule) module.exports = document;
  else root.FFDocument = document;
})(globalThis);
