// What every client must be told of flags.json: one list for all four. `CLIENTS` says where a client shows less, or something else,
// than it was told; nothing else excuses a difference.

const USER = { targetingKey: 'u1' };

/**
 * `type` is what the caller asks for: boolean, string, integer, number or object. `value` is what it gets, its own `default` unless
 * said otherwise. `metadata` are members that must be there. `only` names the clients that can ask so.
 */
export const CASES = [
  // Each type; every answer has a variant, a reason and metadata.
  told('a boolean', 'a.boolean', 'boolean', { default: false, value: true, variant: 'on', reason: 'STATIC' }),
  told('a string', 'a.string', 'string', { default: '', value: 'Hello, Zoë 😀', variant: 'hello', reason: 'STATIC' }),
  told('an integer', 'an.integer', 'integer', { default: 0, value: 9007199254740991, variant: 'most', reason: 'STATIC' }),
  told('a number', 'a.number', 'number', { default: 0.5, value: 0.25, variant: 'quarter', reason: 'STATIC' }),
  told('a number that is whole', 'a.whole.number', 'number', { default: 0.5, value: 1, variant: 'one', reason: 'STATIC' }),
  told('an object', 'an.object', 'object', {
    default: {},
    value: { colour: 'red', sizes: [1, 2.5], nested: { on: true } },
    variant: 'red',
    reason: 'STATIC',
  }),
  told('without any context', 'a.boolean', 'boolean', { context: null, default: false, value: true, variant: 'on', reason: 'STATIC' }),
  told('metadata', 'with.metadata', 'boolean', {
    default: false,
    value: true,
    variant: 'on',
    reason: 'STATIC',
    metadata: { owner: 'team-a', level: 2, beta: true, flagSetId: 'platform' },
  }),

  // What is not there, or is of another type: the caller's default.
  told('a flag that is not there', 'nothing', 'boolean', { default: true, errorCode: 'FLAG_NOT_FOUND' }),
  told('a key that a URL cannot hold as it is', 'nö flag/%', 'string', { default: 'mine', errorCode: 'FLAG_NOT_FOUND' }),
  told('a boolean for a string', 'a.boolean', 'string', { default: 'mine', errorCode: 'TYPE_MISMATCH' }),
  told('a string for a boolean', 'a.string', 'boolean', { default: true, errorCode: 'TYPE_MISMATCH' }),
  told('a string for an object', 'a.string', 'object', { default: { a: 1 }, errorCode: 'TYPE_MISMATCH' }),
  told('an object for a number', 'an.object', 'number', { default: 0.5, errorCode: 'TYPE_MISMATCH' }),
  // JavaScript has one type of numbers.
  told('a whole number for an integer', 'a.whole.number', 'integer', {
    default: 5,
    errorCode: 'TYPE_MISMATCH',
    only: ['python', 'rust'],
  }),
  told('an integer for a number', 'an.integer', 'number', { default: 0.5, errorCode: 'TYPE_MISMATCH', only: ['python'] }),

  // Off: the off value, and not the caller's default.
  told('a boolean that is off', 'off.boolean', 'boolean', {
    default: true,
    value: false,
    variant: 'off',
    reason: 'STATIC',
    metadata: { flagState: 'off', reasonCode: 'flag_off' },
  }),
  told('a string that is off', 'off.string', 'string', {
    default: 'mine',
    value: 'nothing',
    variant: 'none',
    reason: 'STATIC',
    metadata: { flagState: 'off' },
  }),
  told('an integer that is killed', 'off.killed', 'integer', {
    default: 99,
    value: 0,
    variant: 'zero',
    reason: 'STATIC',
    metadata: { flagState: 'off', reasonCode: 'kill_switch_category' },
  }),
  told('off, and without an off value', 'off.without.value', 'string', { default: 'mine', reason: 'DISABLED', codeDefault: true }),
  told('on, and without a value', 'on.without.value', 'object', { default: { b: 2 }, reason: 'STATIC', codeDefault: true }),
  told('a flag at fault', 'at.fault', 'boolean', { default: true, reason: 'DISABLED', codeDefault: true }),

  // Attributes, stages, buckets, targets, prerequisites, overrides.
  told('a rule that matches', 'by.country', 'string', {
    context: { ...USER, country: 'CA' },
    default: '',
    value: 'Canada',
    variant: 'ca',
    reason: 'TARGETING_MATCH',
    metadata: { ruleId: 'in-canada', reasonCode: 'rule_match' },
  }),
  told('a rule that does not match', 'by.country', 'string', {
    context: { ...USER, country: 'US' },
    default: '',
    value: 'elsewhere',
    variant: 'world',
    reason: 'DEFAULT',
    metadata: { flagSetId: 'platform' },
  }),
  told('attributes that are a number and a boolean', 'by.seats', 'boolean', {
    context: { seats: 9.5, trial: true },
    default: true,
    value: false,
    variant: 'off',
    reason: 'TARGETING_MATCH',
  }),
  told('an attribute that is a list', 'by.roles', 'boolean', {
    context: { roles: ['reader', 'admin'], home: { country: 'CA' } },
    default: false,
    value: true,
    variant: 'on',
    reason: 'TARGETING_MATCH',
    only: ['web', 'server', 'python'],
  }),
  told('a stage for staff', 'by.stage', 'boolean', {
    context: { ...USER, tier: 'staff' },
    default: false,
    value: true,
    variant: 'on',
    reason: 'STATIC',
    metadata: { reasonCode: 'stage_internal_staff' },
  }),
  told('a stage of another environment', 'by.stage', 'boolean', {
    context: { ...USER, tier: 'staff', env: 'prod' },
    default: true,
    value: false,
    variant: 'off',
    reason: 'STATIC',
  }),
  told('a staged rollout', 'syn.staged_25', 'boolean', {
    context: { targetingKey: 'bucket-low-1' },
    default: false,
    value: true,
    variant: 'on',
    reason: 'SPLIT',
  }),
  told('a distribution', 'by.bucket', 'string', { default: '', value: '#00f', variant: 'blue', reason: 'SPLIT' }),
  told('no targeting key', 'by.bucket', 'string', {
    context: { country: 'CA' },
    default: 'mine',
    errorCode: 'TARGETING_KEY_MISSING',
    metadata: { reasonCode: 'no_bucketing_unit' },
  }),
  told('an empty targeting key', 'syn.staged_25', 'boolean', {
    context: { targetingKey: '' },
    default: true,
    errorCode: 'TARGETING_KEY_MISSING',
  }),
  told('no targeting key, and no need of one', 'by.country', 'string', {
    context: { country: 'CA' },
    default: '',
    value: 'Canada',
    variant: 'ca',
    reason: 'TARGETING_MATCH',
  }),
  told('an allow list', 'by.target', 'boolean', {
    context: { targetingKey: 'vip' },
    default: false,
    value: true,
    variant: 'on',
    reason: 'TARGETING_MATCH',
    metadata: { reasonCode: 'allow_list' },
  }),
  told('a prerequisite that is not met', 'by.prerequisite', 'boolean', {
    default: true,
    value: false,
    variant: 'off',
    reason: 'DEFAULT',
    metadata: { prerequisite: 'off.boolean', reasonCode: 'prerequisite_failed' },
  }),
  told('an override', 'by.override', 'boolean', {
    context: { targetingKey: 'held' },
    default: true,
    value: false,
    variant: 'off',
    reason: 'TARGETING_MATCH',
  }),
  told('an override that has ended', 'by.override', 'boolean', {
    context: { targetingKey: 'was-held' },
    default: false,
    value: true,
    variant: 'on',
    reason: 'STATIC',
  }),
  told('a targeting key that is no string', 'a.boolean', 'boolean', {
    context: { targetingKey: 42 },
    default: false,
    errorCode: 'INVALID_CONTEXT',
    only: ['server', 'python'],
  }),

  // Tenants, by a header that every client can be told to send.
  told("another tenant's flag", 'a.string', 'string', { tenant: 'acme', default: '', value: 'Hello from acme', variant: 'hello', reason: 'STATIC' }),
  told('a tenant that is not there', 'a.boolean', 'boolean', { tenant: 'nobody', default: false, errorCode: 'GENERAL' }),
];

/** What the second tenant has. */
export const ACME = {
  schema: 'burgee.snapshot/1',
  tenant: 'acme',
  version: 1,
  flags: [
    { key: 'a.string', type: 'string', variants: [{ key: 'hello', value: 'Hello from acme' }], default_variant: 'hello' },
  ],
};

/**
 * What clients of all flags are told when they ask again: each step sets the context, and `status` is the answer's. A client that
 * changes an attribute shows the entity tag of its old context.
 */
export const STEPS = [
  { id: 'the first context', context: { ...USER, country: 'CA' }, status: 200, value: 'Canada' },
  { id: 'the same context again', context: { ...USER, country: 'CA' }, status: 304, value: 'Canada' },
  { id: 'the same context, written in another order', context: { country: 'CA', ...USER }, status: 304, value: 'Canada' },
  { id: 'another attribute after a 304', context: { ...USER, country: 'US' }, status: 200, value: 'elsewhere' },
  { id: 'and again', context: { ...USER, country: 'US' }, status: 304, value: 'elsewhere' },
  { id: 'another user', context: { targetingKey: 'u2', country: 'CA' }, status: 200, value: 'Canada' },
];

function told(id, flag, type, { context = USER, only, ...rest }) {
  return { id, flag, type, context, only, value: rest.default, ...rest };
}

// ---- What each client makes of it --------------------------------------------------------------------------------------

/** The caller's default stands, and no variant is shown. */
const failed = (wanted, errorCode) => ({ ...wanted, errorCode, reason: 'ERROR', variant: undefined });

/** The same in clients that raise errors within, and lose the metadata so. */
const raised = (wanted, errorCode) => ({ ...failed(wanted, errorCode), metadata: {} });

/** `shows` turns what a client is told (what `CASES` say) into what it shows. */
export const CLIENTS = {
  web: {
    package: '@openfeature/ofrep-web-provider',
    shows(wanted, { errorCode, tenant }) {
      // It says what is wrong when it starts, and then has no flags.
      if (tenant === 'nobody') return raised(wanted, 'FLAG_NOT_FOUND');
      return errorCode ? failed(wanted, errorCode) : wanted;
    },
  },
  server: {
    package: '@openfeature/ofrep-provider',
    shows(wanted, { codeDefault, errorCode }) {
      // It takes an answer without a value for a broken one.
      if (codeDefault) return raised(wanted, 'GENERAL');
      return errorCode ? raised(wanted, errorCode) : wanted;
    },
  },
  python: {
    package: 'openfeature-provider-ofrep',
    shows(wanted, { errorCode, tenant }) {
      // To it every 404 is a flag that is not there.
      if (tenant === 'nobody') return raised(wanted, 'FLAG_NOT_FOUND');
      return errorCode ? raised(wanted, errorCode) : wanted;
    },
  },
  rust: {
    package: 'open-feature-ofrep',
    shows(wanted, { codeDefault, errorCode, tenant }) {
      // It looks at the status alone: every 404 is a flag that is not there, and every 400 a context that is wrong.
      if (tenant === 'nobody') return raised(wanted, 'FLAG_NOT_FOUND');
      if (errorCode === 'TARGETING_KEY_MISSING') return raised(wanted, 'INVALID_CONTEXT');
      // What is not of the type, or not there at all, cannot be read.
      if (errorCode === 'TYPE_MISMATCH' || codeDefault) return raised(wanted, 'PARSE_ERROR');
      if (errorCode) return raised(wanted, errorCode);
      // It hands on neither reasons nor metadata.
      return { ...wanted, reason: 'STATIC', metadata: {} };
    },
  },
};
