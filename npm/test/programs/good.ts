// Uses that must compile; types.test.mjs compiles them in every way that TypeScript resolves the package.

import * as FF from 'burgee';
import { BurgeeError, Snapshot, evaluate, type Decision } from 'burgee';
import { init, hashBucket, type ModuleSource } from 'burgee/slim';
import module from 'burgee/burgee.wasm';

export const registry: FF.Registry = {
  schema: 'burgee.registry/1',
  tenant: 'acme',
  generated_at: '2026-01-15T09:00:00Z',
  flags: [
    { key: 'checkout.v2', stage: { rollout_stage: 'staged_25', rollout_stage_map: { prod: 'full' } } },
    { key: 'short', rollout_stage: 'internal', rollout_stage_map: null, updated_at: 1_700_000_000_000 },
    { key: 'text', type: 'string', variants: [{ key: 'a', value: 'A' }], default_variant: null, tags: null },
    { key: 'shared', fallthrough: { distribution: [{ variant: 'on', weight: 1 }] }, targets: { allow: [], deny: ['U-1'] } },
  ],
  overrides: [{ scope: 'user', id: 'U-1', flag: 'short', variant: true, expires_at: 5 }],
  kill_switches: [{ category: 'payments' }],
};

export const decision: Decision = evaluate(
  { flags: [{ key: 'checkout.v2', stage: { rollout_stage: 'staged_25' } }] },
  { key: 'checkout.v2', context: { user_id: 'U-1', tier: 'staff', env: 'prod' } },
);
export const variant: string | null = decision.variant;
export const bucket: number | undefined = decision.bucket;
export const steps: readonly { readonly step: FF.DecisionSource }[] = decision.reason_chain;

const literal = {
  flags: [
    { key: 'a', tags: ['b'], stage: { rollout_stage: 'staged_25' }, bucketing: 'djb2-xor', prerequisites: [{ flag: 'b', variants: ['on'] }] },
    { key: 'b', type: 'json', variants: [{ key: 'v', value: { columns: [1, [2]] } }], fallthrough: { variant: 'v' } },
    { key: 'c', rules: [], metadata: { team: 'core' }, fallthrough: { distribution: [{ variant: 'on', weight: 3 }], salt: 's' } },
  ],
} as const;
export const compiled: Snapshot = new Snapshot(literal);

const kept = registry satisfies FF.Registry;
export const decisions: FF.Decision[] = FF.evaluateBatch(kept, {
  flags: ['short', 'text'] as const,
  context: { user_id: 42, groups: ['a', ['b']], nested: { any: () => 1 }, absent: undefined, nothing: null },
  overrides: { user: { short: true, text: 'a' }, tenant: null },
  now: Date.now(),
});
export const explanation: FF.Explanation = FF.explain(JSON.stringify(registry), { key: 'short', context: null });
export const fromBytes: FF.Decision = FF.evaluate(new Uint8Array(), { key: 'short' });

export function often(attributes: FF.Attributes): FF.JsonValue {
  using snapshot = new Snapshot(registry);
  using context: FF.Context = snapshot.context(attributes);
  const flag: FF.Flag = snapshot.flag('checkout.v2');
  const evaluation: FF.Evaluation = snapshot.evaluate(flag, context, { overrides: { user: {} } });
  const all: Record<string, FF.JsonValue> = snapshot.evaluateAll(context, { now: 0 });
  const ended: FF.Decision = FF.evaluate(snapshot, { key: flag.key });
  if (evaluation.source === 'staged_bucket' && evaluation.reason === 'staged_in' && ended.enabled) return evaluation.value;
  return [all['short'] ?? null, ...snapshot.flagKeys, ...snapshot.warnings.map(({ code, pointer }) => `${code} ${pointer}`)];
}

export function codeOf(error: unknown): FF.ErrorCode | undefined {
  return error instanceof BurgeeError && error.pointer === '/flags' ? error.code : undefined;
}

export function start(bytes: Uint8Array, buffer: ArrayBuffer, source: ModuleSource): number {
  for (const form of [bytes, buffer, source, module]) init(form);
  return hashBucket('bucket-low-1|syn.staged_25');
}
