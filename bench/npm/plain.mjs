// burgee's evaluation in plain JavaScript, as fast as its author could make it while it still reads well: what an application would
// write if it needed no other place to agree with. Flags are compiled when loaded: conditions to closures, percentages to cuts,
// hash prefixes to numbers. It walks every step of docs/evaluation.md in order, and knows the operators and serves that the
// measurements use; anything else is refused when loaded, so that a flag never means two things.

const POINTS = 2 ** 32;

function djb2(text, from = 5381) {
  let hash = from;
  for (let i = 0; i < text.length; i++) hash = ((hash << 5) + hash) ^ text.charCodeAt(i);
  return hash | 0;
}

function fmix32(hash) {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function idText(value) {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return Number.isSafeInteger(value) ? String(value === 0 ? 0 : value) : undefined;
}

function unitOf(attributes) {
  return idText(attributes.user_id) ?? idText(attributes.project_id);
}

function unsupported(what) {
  throw new TypeError(`the plain evaluator does not know ${what}`);
}

const OPERATORS = {
  equals: ({ attr, value }) => (attributes) => attributes[attr] === value,
  in: ({ attr, values }) => (attributes) => values.includes(attributes[attr]),
  starts_with: ({ attr, value }) => (attributes) => typeof attributes[attr] === 'string' && attributes[attr].startsWith(value),
  gte: ({ attr, value }) => (attributes) => typeof attributes[attr] === 'number' && attributes[attr] >= value,
};

function condition(when) {
  if (when.attr !== undefined) return (OPERATORS[when.op] ?? unsupported(`the operator ${when.op}`))(when);
  if (when.not !== undefined) {
    const negated = condition(when.not);
    return (attributes) => !negated(attributes);
  }
  const parts = (when.all ?? when.any ?? unsupported(`the condition ${Object.keys(when)}`)).map(condition);
  if (when.all === undefined) return (attributes) => parts.some((part) => part(attributes));
  // Two is what rules mostly have, and a call of `every` is dearer than both.
  if (parts.length === 2) {
    const [first, second] = parts;
    return (attributes) => first(attributes) && second(attributes);
  }
  return (attributes) => parts.every((part) => part(attributes));
}

/** The variant that an override names: by its key, or the first of this value. */
function named(variants, name) {
  return typeof name === 'boolean' ? [...variants.values()].find(({ value }) => value === name) : variants.get(name);
}

/** The rows of one scope by id, the later of two counting; null where there are none. */
function rowsOf(document, scope, key, variants) {
  const rows = (document.overrides ?? []).filter((row) => row.scope === scope && row.flag === key);
  if (rows.length === 0) return null;
  return new Map(rows.map((row) => [row.id, { variant: named(variants, row.variant), until: row.expires_at ?? Infinity }]));
}

function compile(document, flag) {
  if (flag.type !== undefined && flag.type !== 'boolean') unsupported(`the type ${flag.type}`);
  for (const member of ['stage', 'rollout_stage', 'fallthrough']) if (flag[member]) unsupported(member);
  const given = flag.variants?.length ? flag.variants : [{ key: 'on', value: true }, { key: 'off', value: false }];
  const variants = new Map(given.map((variant) => [variant.key, variant]));
  const first = (value) => given.find((variant) => variant.value === value) ?? null;
  const chosen = (key, otherwise) => (key === undefined ? otherwise : key === null ? null : variants.get(key));
  const switches = (document.kill_switches ?? []).filter(({ engaged }) => engaged !== false).map(({ category }) => category);
  return {
    key: flag.key,
    off: chosen(flag.off_variant, first(false)),
    fallback: chosen(flag.default_variant, first(true)),
    killed: switches.includes('*') ? 'kill_switch_global' : switches.includes(flag.kill_switch) ? 'kill_switch_category' : null,
    variants,
    userRows: rowsOf(document, 'user', flag.key, variants),
    tenantRows: rowsOf(document, 'tenant', flag.key, variants),
    isOn: (flag.state ?? 'on') === 'on',
    prerequisites: flag.prerequisites?.length ? flag.prerequisites : null,
    deny: flag.targets?.deny ? new Set(flag.targets.deny) : null,
    allow: flag.targets?.allow ? new Map(flag.targets.allow.flatMap(({ variant, ids }) => ids.map((id) => [id, variants.get(variant)]))) : null,
    rules: (flag.rules ?? []).map((rule) => ({
      id: rule.id,
      when: rule.when ? condition(rule.when) : () => true,
      cut: rule.percentage === undefined ? POINTS : Math.floor((rule.percentage / 100) * POINTS),
      prefix: djb2(`${document.tenant ?? ''}|${rule.salt ?? flag.salt ?? flag.key}|`),
      bucketBy: rule.bucket_by ?? flag.bucket_by,
      variant: variants.get(rule.serve.variant) ?? unsupported('a serve without a variant'),
    })),
  };
}

const served = (variant, reason) =>
  variant === null ? { value: null, variant: null, reason } : { value: variant.value, variant: variant.key, reason };

export class PlainSnapshot {
  #flags;

  constructor(text) {
    const document = JSON.parse(text);
    this.#flags = new Map(document.flags.map((flag) => [flag.key, compile(document, flag)]));
  }

  get size() {
    return this.#flags.size;
  }

  flag(key) {
    return this.#flags.get(key);
  }

  evaluate(key, attributes, options) {
    const flag = this.#flags.get(key);
    return flag === undefined ? { value: null, variant: null, reason: 'unknown_flag' } : this.decide(flag, attributes, options);
  }

  evaluateAll(attributes) {
    const values = Object.create(null);
    for (const flag of this.#flags.values()) values[flag.key] = this.decide(flag, attributes).value;
    return values;
  }

  decide(flag, attributes, options) {
    if (flag.killed !== null) return served(flag.off, flag.killed);
    if (options !== undefined || flag.userRows !== null || flag.tenantRows !== null) {
      const overridden = this.#overridden(flag, attributes, options);
      if (overridden !== null) return overridden;
    }
    if (!flag.isOn) return served(flag.off, 'flag_off');
    if (flag.prerequisites !== null && !this.#areMet(flag.prerequisites, attributes, options)) return served(flag.off, 'prerequisite_failed');
    if (flag.deny !== null && flag.deny.has(unitOf(attributes))) return served(flag.off, 'deny_list');
    if (flag.allow !== null) {
      const allowed = flag.allow.get(unitOf(attributes));
      if (allowed !== undefined) return served(allowed, 'allow_list');
    }
    let reason = 'default';
    const { rules } = flag;
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i];
      if (!rule.when(attributes)) continue;
      if (rule.cut < POINTS) {
        const unit = rule.bucketBy === undefined ? unitOf(attributes) : idText(attributes[rule.bucketBy]);
        if (unit === undefined) {
          reason = 'no_bucketing_unit';
          continue;
        }
        if (fmix32(djb2(unit, rule.prefix)) >= rule.cut) continue;
      }
      return served(rule.variant, 'rule_match');
    }
    return served(flag.fallback, reason);
  }

  #areMet(prerequisites, attributes, options) {
    return prerequisites.every(({ flag, variants }) => variants.includes(this.evaluate(flag, attributes, options).variant));
  }

  #overridden(flag, attributes, { now = Date.now(), overrides } = {}) {
    const inline = (scope) => named(flag.variants, scope?.[flag.key]);
    const stored = (rows, id) => {
      const row = rows?.get(id);
      return row !== undefined && now < row.until ? row.variant : undefined;
    };
    const user = 'user_override_precedence';
    const tenant = 'tenant_override_precedence';
    for (const [variant, reason] of [
      [inline(overrides?.user), user],
      [inline(overrides?.tenant), tenant],
      [stored(flag.userRows, idText(attributes.user_id)), user],
      [stored(flag.tenantRows, idText(attributes.tenant_id)), tenant],
    ]) {
      if (variant !== undefined) return served(variant, reason);
    }
    return null;
  }
}
