/** The types of what goes in and comes out. What the model says is generated from the evaluator; the rest is what this package adds. */

import type {
  Flag as FlagDocument,
  JsonValue,
  FlagType,
  KillSwitch,
  Operator,
  Outcome,
  Override,
  Reason,
  ResolutionReason,
  RolloutStage,
  Rule,
  Scalar,
  Segment,
  Serve,
  SnapshotDocument,
  Source,
  Step,
  Variant,
} from '../generated/model.js';

export type {
  AllowTarget,
  Bucketing,
  Compared,
  ComparedValue,
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
  ResolutionReason,
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
  Optional<Omit<FlagDocument, 'key' | 'variants' | 'created_at' | 'updated_at' | 'stage' | 'fallthrough' | 'rules'>> & {
    readonly variants?: readonly VariantInput[] | null;
    readonly rules?: readonly RuleInput[] | null;
    readonly created_at?: Time | null;
    readonly updated_at?: Time | null;
    readonly fallthrough?: ServeInput | null;
  } & StageInput;

/** A stage may stand at the flag's top level instead. */
type StageInput =
  | (Optional<Pick<FlagDocument, 'stage'>> & { readonly rollout_stage?: null; readonly rollout_stage_map?: null })
  | (Optional<FlagStage> & { readonly stage?: null });

/** A variant; of a string flag it may be a key alone, and in place of the fallthrough variants may have weights. */
export type VariantInput = Readonly<Pick<Variant, 'key'>> & {
  readonly value?: Written<JsonValue>;
  readonly weight?: number | null;
};

/** A rule; without `when` it matches everybody, and `rollout` is the short form of `serve`. */
export type RuleInput = Pick<Rule, 'id'> &
  Optional<Omit<Rule, 'id' | 'when' | 'serve'>> & {
    readonly order?: number | null;
    readonly when?: (ConditionInput & { readonly percentage?: number | null }) | null;
  } & ({ readonly serve: ServeInput; readonly rollout?: null } | { readonly rollout: ServeInput; readonly serve?: null });

/** A condition: an object with several members is as good as `all` of them. */
export type ConditionInput = {
  readonly all?: readonly ConditionInput[] | null;
  readonly any?: readonly ConditionInput[] | null;
  readonly not?: ConditionInput | null;
  readonly segment?: string | null;
} & (
  | {
      readonly attr?: Readonly<Record<string, Scalar | readonly Scalar[]>> | null;
      readonly op?: null;
      readonly value?: null;
      readonly values?: null;
    }
  | { readonly attr: string; readonly op: 'in' | 'not_in' | 'between'; readonly values: readonly Scalar[]; readonly value?: null }
  | { readonly attr: string; readonly op: 'exists'; readonly value?: boolean | null; readonly values?: null }
  | {
      readonly attr: string;
      readonly op: Exclude<Operator, 'in' | 'not_in' | 'between' | 'exists'>;
      readonly value: Scalar;
      readonly values?: null;
    }
);

/** A segment; `criteria` is the short form of `conditions`. */
export type SegmentInput = Pick<Segment, 'key'> &
  Optional<Omit<Segment, 'key' | 'conditions'>> &
  (
    | { readonly conditions?: ConditionInput | null; readonly criteria?: null }
    | { readonly criteria?: ConditionInput | null; readonly conditions?: null }
  );

/** One of the two forms, and not both. */
export type ServeInput =
  | (Written<Extract<Serve, { variant: unknown }>> & { readonly distribution?: null })
  | (Written<Extract<Serve, { distribution: unknown }>> & { readonly variant?: null });

type FlagStage = NonNullable<FlagDocument['stage']>;

/** A part of a document that is handed over: nobody writes into it, so it may be read-only. */
type Written<T> = T extends readonly (infer Item)[]
  ? readonly Written<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Written<T[K]> }
    : T;

/** The same, with everything optional, and null for what is absent. */
type Optional<T> = { readonly [K in keyof T]?: Written<T[K]> | null };

/** A registry or snapshot as it may be written: only its flags must be there. */
export type Registry = Optional<
  Omit<SnapshotDocument, 'flags' | 'segments' | 'overrides' | 'kill_switches' | 'generated_at'>
> & {
  readonly flags: readonly FlagInput[];
  readonly generated_at?: Time | null;
  readonly segments?: readonly SegmentInput[] | null;
  readonly overrides?: readonly OverrideInput[] | null;
  readonly kill_switches?: readonly (Pick<KillSwitch, 'category'> & Optional<KillSwitch>)[] | null;
};

type OverrideInput = Readonly<Pick<Override, 'scope' | 'id' | 'flag' | 'variant'>> &
  Optional<Omit<Override, 'expires_at' | 'created_at'>> & {
    readonly expires_at?: Time | null;
    readonly created_at?: Time | null;
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

/** What `burgee/slim` takes: the module's bytes, or the module compiled, in whatever way the runtime's own types declare that. */
export type ModuleSource = ArrayBuffer | Uint8Array | CompiledModule;

/** A compiled module, as the runtime's own types declare it. */
export type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer Module } } } ? Module : object;

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
  /** The rule that decided, if one did. */
  readonly rule_id: string | null;
  /** The key of the prerequisite that was not met, if that decided. */
  readonly prerequisite: string | null;
  /** `null` for an unknown or invalid flag. */
  readonly flag_version: number | null;
  /** The reason in OpenFeature's words. */
  readonly openfeature_reason: ResolutionReason;
  /** What OpenFeature's providers hand on as flag metadata: the flag's own, and beside them what the evaluator has to say. */
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
}

/** A decision in full. */
export interface Decision extends Omit<Evaluation, 'rule_id' | 'prerequisite' | 'openfeature_reason' | 'metadata'> {
  /** The rule that decided. */
  readonly rule_id?: string;
  /** The key of the prerequisite that was not met. */
  readonly prerequisite?: string;
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
