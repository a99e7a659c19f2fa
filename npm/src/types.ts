/** The types of what goes in and comes out. What the model says is generated from the evaluator; the rest is what this package adds. */

import type {
  Flag as FlagDocument,
  JsonValue,
  KillSwitch,
  Outcome,
  Override,
  Reason,
  RolloutStage,
  SnapshotDocument,
  Source,
  Step,
  Variant,
} from '../generated/model.js';

export type {
  AllowTarget,
  Bucketing,
  Condition,
  Fault,
  FaultCode,
  Flag as FlagDocument,
  FlagType,
  JsonValue,
  KillSwitch,
  Operator,
  Outcome,
  Override,
  OverrideScope,
  OverrideVariant,
  Prerequisite,
  Reason,
  RolloutStage,
  Rule,
  Scalar,
  Segment,
  Sensitive,
  Serve,
  SnapshotDocument,
  Source as DecisionSource,
  Stage,
  State,
  Step,
  Targets,
  Variant,
  Warning,
  WarningCode,
  WeightedVariant,
} from '../generated/model.js';

/** An instant: an RFC 3339 string, or milliseconds since the epoch. */
export type Time = string | number;

/** A flag as a registry may write it: only its key must be there, and a stage may stand at the top level. */
export type FlagInput = Pick<FlagDocument, 'key'> &
  Nullable<Omit<FlagDocument, 'key' | 'variants' | 'created_at' | 'updated_at'>> & {
    variants?: readonly Variant[] | null;
    created_at?: Time | null;
    updated_at?: Time | null;
    rollout_stage?: RolloutStage | null;
    rollout_stage_map?: Readonly<Record<string, RolloutStage>> | null;
  };

type Nullable<T> = { readonly [K in keyof T]?: T[K] | null };

/** A registry or snapshot as it may be written: only its flags must be there. */
export type Registry = Nullable<Omit<SnapshotDocument, 'flags' | 'overrides' | 'kill_switches' | 'generated_at'>> & {
  readonly flags: readonly FlagInput[];
  readonly generated_at?: Time | null;
  readonly overrides?: readonly (Omit<Override, 'expires_at' | 'created_at'> & {
    expires_at?: Time | null;
    created_at?: Time | null;
  })[] | null;
  readonly kill_switches?: readonly (Pick<KillSwitch, 'category'> & Partial<KillSwitch>)[] | null;
};

/** What an attribute can be. Absent, undefined and null are the same. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly AttributeValue[]
  | { readonly [name: string]: unknown };

/** Whom a flag is evaluated for. The named attributes mean something to the evaluator; others are for rules. */
export interface Attributes {
  /** The user: what is bucketed, and whose overrides apply. */
  readonly user_id?: AttributeValue;
  /** The project: bucketed where there is no user. */
  readonly project_id?: AttributeValue;
  /** The tenant: whose overrides apply. */
  readonly tenant_id?: AttributeValue;
  /** `staff` is let into internal stages; `anonymous` when absent. */
  readonly tier?: AttributeValue;
  /** The environment, which may have a stage of its own; `dev` when absent. */
  readonly env?: AttributeValue;
  /** The user's role. */
  readonly role_key?: AttributeValue;
  readonly [name: string]: AttributeValue;
}

/** An override that comes with a request: a variant's key, or a boolean flag's value. */
export type Inline = string | boolean | null;

/** What a request may bring beside the context. */
export interface Options {
  /** Overrides by flag key, for this request alone. They apply as given. */
  readonly overrides?: {
    readonly user?: Readonly<Record<string, Inline>> | null;
    readonly tenant?: Readonly<Record<string, Inline>> | null;
  } | null;
  /** The time, ms since the epoch; the clock's when left out. */
  readonly now?: number;
}

/** A request for one flag. */
export interface Request extends Options {
  readonly key: string;
  readonly context?: Attributes | null;
}

/** A request for several flags with one context. */
export interface BatchRequest extends Options {
  readonly flags: readonly string[];
  readonly context?: Attributes | null;
}

/** What `Snapshot.evaluate` gives: frozen, and shared between calls. */
export interface Evaluation {
  readonly flag_key: string;
  /** What is served; `null` where there is nothing, and the caller's default stands. */
  readonly value: JsonValue;
  readonly variant: string | null;
  /** A boolean flag's value; for others, whether a variant is served that is not the off variant. */
  readonly enabled: boolean;
  /** The step that decided. */
  readonly source: Source;
  /** Why. */
  readonly reason: Reason;
  readonly rule_id: string | null;
  /** `null` for an unknown or invalid flag. */
  readonly flag_version: number | null;
}

/** A decision in full. */
export interface Decision extends Omit<Evaluation, 'rule_id'> {
  /** The rule that decided. */
  readonly rule_id?: string;
  /** The unit's bucket, where the deciding step computed one: 0–99 under `djb2-xor`, a fraction under `djb2-xor-fmix32`. */
  readonly bucket?: number;
  /** What the bucket was compared with. */
  readonly threshold?: number;
  /** The stage that applied, where a stage decided. */
  readonly rollout_stage?: RolloutStage;
  /** The steps taken, from the first to the one that decided. */
  readonly reason_chain: readonly { readonly step: Source; readonly outcome: Outcome }[];
}

/** A decision with what each step compared. */
export interface Explanation extends Omit<Decision, 'reason_chain'> {
  readonly reason_chain: readonly Step[];
}
