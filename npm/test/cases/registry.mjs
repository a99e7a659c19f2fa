// The registry that the cases share: one flag for each way of deciding that they speak of.

export const registry = () => ({
  schema: 'burgee.registry/1',
  tenant: 'acme',
  version: 7,
  generated_at: 1_700_000_000_000,
  flags: [
    { key: 'syn.staged_25', version: 3, stage: { rollout_stage: 'staged_25' } },
    { key: 'staff.only', rollout_stage: 'internal' },
    { key: 'by.env', rollout_stage: 'draft', rollout_stage_map: { prod: 'full', staging: 'paused' } },
    {
      key: 'colour',
      type: 'string',
      variants: [
        { key: 'red', value: '#f00' },
        { key: 'blue', value: '#00f' },
      ],
      off_variant: 'red',
      default_variant: 'blue',
      fallthrough: { distribution: [{ variant: 'red', weight: 1 }, { variant: 'blue', weight: 1 }] },
    },
    {
      key: 'layout',
      type: 'json',
      variants: [{ key: 'wide', value: { columns: [1, 2, { gap: 8 }], __proto__: null } }],
      default_variant: 'wide',
    },
    { key: 'timed' },
    { key: 'off', state: 'off' },
    { key: 'killed', kill_switch: 'payments' },
    { key: 'chosen', targets: { allow: [{ variant: 'on', ids: ['U-1', '42'] }], deny: ['U-2'] }, default_variant: 'off' },
    { key: 'by.plan', bucket_by: 'plan', stage: { rollout_stage: 'staged_50' } },
    { key: '__proto__', rollout_stage: 'internal' },
    { key: 'broken', type: 'integer' },
  ],
  overrides: [
    { scope: 'user', id: 'U-timed', flag: 'timed', variant: 'off', expires_at: 1_700_000_000_000 },
    { scope: 'tenant', id: 'T-1', flag: 'staff.only', variant: true },
  ],
  kill_switches: [{ category: 'payments' }],
});

export const KEYS = registry().flags.map(({ key }) => key);

/** In the 25 % of `syn.staged_25`, at bucket 4. */
export const IN = { user_id: 'bucket-low-1', tier: 'staff', env: 'prod' };

/** Not in them, at bucket 70. */
export const OUT = { user_id: 'U-1', tier: 'anonymous', env: 'dev' };
