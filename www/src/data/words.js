// Steps, outcomes and reasons in words, for people who do not know the codes yet. The codes stand beside them everywhere.

const STEPS = {
  unknown_flag: 'The registry has the flag',
  sensitive: 'May be told of it',
  kill_switch: 'Kill switch',
  inline_user_override: "Request's override for the user",
  inline_tenant_override: "Request's override for the tenant",
  store_user_override: 'Stored override of the user',
  store_tenant_override: 'Stored override of the tenant',
  off: 'Flag switched off',
  prerequisite: 'Prerequisites',
  target: 'Deny and allow lists',
  rule: 'Rules',
  staged_bucket: 'Staged rollout',
  rollout_stage_map: 'Rollout stage',
  default_distribution: 'Distribution',
  default: 'Default variant',
};

const OUTCOMES = {
  match: 'decides',
  no_match: 'does not apply',
  absent: 'none',
  expired: 'has expired',
  unknown_variant: 'names no variant of the flag, skipped',
  no_bucketing_unit: 'nothing to bucket by',
  permitted: 'is allowed',
};

const REASONS = {
  unknown_flag: 'the registry has no flag of this key, so your own default stands',
  flag_invalid: 'the flag is at fault and therefore off; the warnings of the registry say why',
  auth_not_verified: 'the flag is sensitive, and nobody has verified who asks',
  approval_expired: 'the flag is sensitive, and the approval has expired',
  policy_denied: 'the flag is sensitive, and the policy service says no',
  admin_unreachable: 'the flag is sensitive, and the policy service does not answer',
  kill_switch_global: 'the global kill switch is engaged',
  kill_switch_category: "the kill switch of the flag's category is engaged",
  user_override_precedence: 'an override for this user decides before the flag does',
  tenant_override_precedence: 'an override for this tenant decides before the flag does',
  flag_off: 'the flag is switched off',
  prerequisite_failed: 'another flag that it depends on is not met',
  deny_list: "the user is on the flag's deny list",
  allow_list: "the user is on one of the flag's allow lists",
  rule_match: 'a rule matches',
  stage_draft: 'the stage is draft: off for everybody',
  stage_internal_staff: 'the stage is internal, and the tier is staff',
  stage_internal_not_staff: 'the stage is internal, and the tier is not staff',
  stage_full: 'the stage is full: on for everybody',
  stage_paused: 'the rollout is paused: off for everybody',
  stage_rolled_back: 'the rollout was taken back: off for everybody',
  staged_in: "the user's bucket is below the threshold",
  staged_out: "the user's bucket is not below the threshold",
  no_bucketing_unit: 'the context has no id that could be bucketed',
  default_distribution: "the user's bucket falls into this variant's share",
  default: 'nothing else decided',
};

export const stepName = (step) => STEPS[step] ?? step;
export const outcomeName = (outcome) => OUTCOMES[outcome] ?? outcome;
export const reasonText = (reason) => REASONS[reason] ?? reason;

/** What a step of an explanation compared, as short phrases. */
export function stepDetails(step) {
  const details = [];
  if (step.category !== undefined) details.push(`category ${step.category}`);
  if (step.rollout_stage !== undefined) {
    details.push(
      step.env === undefined
        ? `stage ${step.rollout_stage}`
        : `stage ${step.rollout_stage}, from the map for ${step.env}`,
    );
  }
  if (step.attribute !== undefined) details.push(`reads ${step.attribute}`);
  if (step.bucket !== undefined && step.threshold !== undefined) {
    const sign = step.bucket < step.threshold ? '<' : '≥';
    details.push(`bucket ${number(step.bucket)} ${sign} ${number(step.threshold)}`);
  }
  if (step.variant !== undefined) details.push(`variant ${step.variant}`);
  if (step.expires_at !== undefined) details.push(`until ${instant(step.expires_at)}`);
  return details;
}

const number = (value) => String(Number.isInteger(value) ? value : Number(value.toFixed(6)));

/** A time that an override ends at may be past every calendar. */
function instant(ms) {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString().replace('.000Z', 'Z');
}
