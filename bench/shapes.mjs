// The flags and the people of the measurements, once for all: in burgee's form and in that of every peer. A shape means the same in
// each of them, as far as the peer can say it.

export const PERCENTAGE = 25;

/** A static boolean flag that is on. */
export const STATIC_KEY = 'checkout.static';
/** The flag of shape B that is evaluated alone; it stands among 99 others. */
export const RULE_KEY = ruleKey(50);

function ruleKey(index) {
  return `feature-${String(index).padStart(5, '0')}`;
}

/** The documents by name: the keys of the flags of shape B, and whether the static flag is there too. */
export const DOCUMENTS = {
  one: { keys: Array.from({ length: 99 }, (_, index) => ruleKey(index)), withStatic: true },
  100: { keys: Array.from({ length: 100 }, (_, index) => ruleKey(index)) },
  1000: { keys: Array.from({ length: 1000 }, (_, index) => ruleKey(index)) },
  10000: { keys: Array.from({ length: 10_000 }, (_, index) => ruleKey(index)) },
};

/** Shape B in words that every form below uses. */
const CONDITIONS = { country: ['CA'], plan: ['pro', 'team'] };

// ---- People ----------------------------------------------------------------------------------------------------------

/** Numbers that look random and are the same in every run (mulberry32). */
function* numbers(seed) {
  for (let state = seed; ; ) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    yield (t ^ (t >>> 14)) >>> 0;
  }
}

/** Ten thousand people whom the conditions let in. An id has 20 characters; flags read three of the five attributes. */
export function people() {
  const random = numbers(7);
  const hex = () => random.next().value.toString(16).padStart(8, '0');
  return Array.from({ length: 10_000 }, (_, index) => ({
    user_id: `u-${hex()}${hex()}${hex().slice(0, 2)}`,
    locale: 'en-CA',
    country: 'CA',
    app_version: '4.2.0',
    plan: index % 2 ? 'pro' : 'team',
  }));
}

// ---- Forms -----------------------------------------------------------------------------------------------------------

/** Every flag of a document, written by one of the functions below. */
function each({ keys, withStatic }, rule, always) {
  return [...(withStatic ? [always(STATIC_KEY)] : []), ...keys.map(rule)];
}

const FORMS = {
  burgee: (document) => ({
    schema: 'burgee.snapshot/1',
    tenant: 'bench',
    version: 1,
    flags: each(
      document,
      (key) => ({
        key,
        version: 1,
        rules: [
          {
            id: 'paying-canadians',
            when: {
              all: [
                { attr: 'country', op: 'equals', value: CONDITIONS.country[0] },
                { attr: 'plan', op: 'in', values: CONDITIONS.plan },
              ],
            },
            percentage: PERCENTAGE,
            serve: { variant: 'on' },
          },
        ],
        default_variant: 'off',
      }),
      (key) => ({ key, version: 1 }),
    ),
  }),

  unleash: (document) => ({
    version: 2,
    features: each(
      document,
      (name) => ({
        name,
        type: 'release',
        enabled: true,
        strategies: [
          {
            name: 'flexibleRollout',
            parameters: { rollout: String(PERCENTAGE), stickiness: 'userId', groupId: name },
            constraints: Object.entries(CONDITIONS).map(([contextName, values]) => ({ contextName, operator: 'IN', values })),
          },
        ],
      }),
      (name) => ({ name, type: 'release', enabled: true, strategies: [{ name: 'default', parameters: {} }] }),
    ),
  }),

  eppo: (document) => {
    const flag = (key, allocations) => [
      key,
      {
        key,
        enabled: true,
        variationType: 'BOOLEAN',
        variations: { on: { key: 'on', value: true }, off: { key: 'off', value: false } },
        // Nothing is logged: an event of each assignment would be made besides the answer.
        allocations: allocations.map((allocation) => ({ doLog: false, ...allocation })),
        totalShards: 10_000,
      },
    ];
    const everybody = (variationKey) => [{ variationKey, shards: [] }];
    return {
      createdAt: '2026-11-01T00:00:00.000Z',
      format: 'SERVER',
      environment: { name: 'bench' },
      flags: Object.fromEntries(
        each(
          document,
          (key) =>
            flag(key, [
              {
                key: 'paying-canadians',
                rules: [
                  {
                    conditions: Object.entries(CONDITIONS).map(([attribute, value]) => ({ attribute, operator: 'ONE_OF', value })),
                  },
                ],
                splits: [{ variationKey: 'on', shards: [{ salt: key, ranges: [{ start: 0, end: PERCENTAGE * 100 }] }] }],
              },
              { key: 'rest', rules: [], splits: everybody('off') },
            ]),
          (key) => flag(key, [{ key: 'all', rules: [], splits: everybody('on') }]),
        ),
      ),
    };
  },

  launchdarkly: (document) => {
    const flag = (key, rules, variation) => ({
      key,
      version: 1,
      on: true,
      prerequisites: [],
      targets: [],
      contextTargets: [],
      rules,
      fallthrough: { variation },
      offVariation: 1,
      variations: [true, false],
      clientSideAvailability: { usingMobileKey: false, usingEnvironmentId: false },
      salt: key,
      trackEvents: false,
      trackEventsFallthrough: false,
      deleted: false,
    });
    return {
      flags: Object.fromEntries(
        each(
          document,
          (key) => {
            const clauses = Object.entries(CONDITIONS).map(([attribute, values]) => ({
              contextKind: 'user',
              attribute,
              op: 'in',
              values,
              negate: false,
            }));
            const weight = PERCENTAGE * 1000;
            const variations = [
              { variation: 0, weight },
              { variation: 1, weight: 100_000 - weight },
            ];
            const rule = { id: 'paying-canadians', clauses, trackEvents: false, rollout: { contextKind: 'user', variations } };
            return [key, flag(key, [rule], 1)];
          },
          (key) => [key, flag(key, [], 0)],
        ),
      ),
      segments: {},
    };
  },

  flagd: (document) => {
    const flag = (key, defaultVariant, targeting) => [
      key,
      { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant, ...(targeting ? { targeting } : {}) },
    ];
    return {
      flags: Object.fromEntries(
        each(
          document,
          (key) =>
            flag(key, 'off', {
              if: [
                {
                  and: [
                    { '==': [{ var: 'country' }, CONDITIONS.country[0]] },
                    { in: [{ var: 'plan' }, CONDITIONS.plan] },
                  ],
                },
                {
                  fractional: [
                    ['on', PERCENTAGE],
                    ['off', 100 - PERCENTAGE],
                  ],
                },
                'off',
              ],
            }),
          (key) => flag(key, 'on'),
        ),
      ),
    };
  },

  growthbook: (document) => ({
    features: Object.fromEntries(
      each(
        document,
        (key) => [
          key,
          {
            defaultValue: false,
            rules: [
              {
                condition: { country: CONDITIONS.country[0], plan: { $in: CONDITIONS.plan } },
                force: true,
                coverage: PERCENTAGE / 100,
                hashAttribute: 'user_id',
              },
            ],
          },
        ],
        (key) => [key, { defaultValue: true }],
      ),
    ),
  }),

  // A boolean flag of Flipt's lets in a segment or a percentage, not a percentage of a segment: that takes a flag with variants.
  flipt: (document) => ({
    namespace: { key: 'default', name: 'default' },
    flags: each(
      document,
      (key) => {
        const constraint = (property, values) => ({
          id: property,
          type: 'STRING_CONSTRAINT_COMPARISON_TYPE',
          property,
          operator: values.length === 1 ? 'eq' : 'isoneof',
          value: values.length === 1 ? values[0] : JSON.stringify(values),
        });
        const share = (variantKey, rollout) => ({
          id: variantKey,
          ruleId: 'paying-canadians',
          variantId: variantKey,
          variantKey,
          variantAttachment: '',
          rollout,
        });
        const segment = {
          key: 'paying-canadians',
          name: '',
          description: '',
          matchType: 'ALL_SEGMENT_MATCH_TYPE',
          constraints: Object.entries(CONDITIONS).map(([property, values]) => constraint(property, values)),
        };
        return {
          key,
          name: key,
          description: '',
          enabled: true,
          type: 'VARIANT_FLAG_TYPE',
          rules: [
            {
              id: 'paying-canadians',
              segments: [segment],
              rank: 1,
              segmentOperator: 'OR_SEGMENT_OPERATOR',
              distributions: [share('on', PERCENTAGE), share('off', 100 - PERCENTAGE)],
            },
          ],
          rollouts: [],
        };
      },
      (key) => ({ key, name: key, description: '', enabled: true, type: 'BOOLEAN_FLAG_TYPE', rules: [], rollouts: [] }),
    ),
  }),
};

/** A document's JSON text in one of the forms. */
export function documentText(form, name) {
  return JSON.stringify(FORMS[form](DOCUMENTS[name]));
}
