// The specification's flags in our own model.

import { specFlags } from './features.mjs';

const IS_BALLMER = { attr: 'email', op: 'equals', value: 'ballmer@macrosoft.com' };

/** For each expression of a `contextEvaluator` (CEL): the rules that say the same. `''` is no variant, and so what no rule matches. */
export const RULES = {
  // email == 'ballmer@macrosoft.com' ? 'zero' : ''
  "email == 'ballmer@macrosoft.com' ? 'zero' : ''": [{ id: 'ballmer', when: IS_BALLMER, serve: { variant: 'zero' } }],

  // !customer && email == 'ballmer@macrosoft.com' && age > 10 ? 'internal' : ''
  "!customer && email == 'ballmer@macrosoft.com' && age > 10 ? 'internal' : ''": [
    {
      id: 'internal',
      when: { all: [{ attr: 'customer', op: 'equals', value: false }, IS_BALLMER, { attr: 'age', op: 'gt', value: 10 }] },
      serve: { variant: 'internal' },
    },
  ],
};

/** What `evaluation.feature`, the older wording, evaluates and `test-flags.json` no longer has: internal for the person of that scenario. */
const CONTEXT_AWARE = {
  key: 'context-aware',
  type: 'string',
  variants: [
    { key: 'internal', value: 'INTERNAL' },
    { key: 'external', value: 'EXTERNAL' },
  ],
  default_variant: 'external',
  rules: [
    {
      id: 'internal',
      when: {
        all: [
          { attr: 'fn', op: 'equals', value: 'Sulisław' },
          { attr: 'ln', op: 'equals', value: 'Świętopełk' },
          { attr: 'age', op: 'equals', value: 29 },
          { attr: 'customer', op: 'equals', value: false },
        ],
      },
      serve: { variant: 'internal' },
    },
  ],
};

/** The type of a flag's values. JSON does not tell `0.0` from `0`, so whether a number is a float stands in the key. */
function typeOf(key, values) {
  const [type] = new Set(values.map((value) => typeof value));
  if (type === 'object') return 'json';
  if (type !== 'number') return type;
  return !key.startsWith('float-') && values.every(Number.isInteger) ? 'integer' : 'number';
}

function flag(key, { disabled = false, variants, defaultVariant = null, flagMetadata, contextEvaluator }) {
  return {
    key,
    type: typeOf(key, Object.values(variants)),
    // A disabled flag serves nothing, and the caller's default stands.
    state: disabled ? 'off' : 'on',
    off_variant: null,
    variants: Object.entries(variants).map(([variant, value]) => ({ key: variant, value })),
    default_variant: defaultVariant,
    metadata: flagMetadata ?? {},
    rules: contextEvaluator === undefined ? [] : RULES[contextEvaluator],
  };
}

/** The flags of the specification as a document of ours. */
export const snapshot = { flags: [...Object.entries(specFlags).map(([key, spec]) => flag(key, spec)), CONTEXT_AWARE] };
