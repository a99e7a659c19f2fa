// Uses of what `burgee types` writes that must compile; cli-types.test.mjs writes flags.ts and compiles this beside it.

import { Snapshot, type Context, type Evaluation, type Flag } from 'burgee';
import { createClient, type Client } from 'burgee/client';
import { Snapshot as Slim } from 'burgee/slim';
import { flags, type BooleanFlag, type FlagKey, type Flags, type IntegerFlag, type JsonFlag, type NumberFlag, type Served, type StringFlag, type Variants, type WithFlags } from './flags.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export const same: [
  Same<FlagKey, 'base' | 'checkout.v2' | 'layout' | 'limit' | 'payments' | 'ratio' | 'staged' | 'theme'>,
  Same<BooleanFlag, 'base' | 'checkout.v2' | 'payments' | 'staged'>,
  Same<StringFlag, 'theme'>,
  Same<IntegerFlag, 'limit'>,
  Same<NumberFlag, 'ratio'>,
  Same<JsonFlag, 'layout'>,
  Same<Flags['theme'], 'dark' | 'light' | "it's">,
  Same<Flags['limit'], number>,
  Same<Variants['limit'], 'low' | 'high'>,
] = [true, true, true, true, true, true, true, true, true];

declare const document: string;

const client = flags(createClient({ url: 'https://flags.example/snapshot' }));
export const checkout: boolean = client.boolean('checkout.v2', false, { user_id: 'U-1' }, { track: false });
export const theme: 'dark' | 'light' | "it's" | 'none' = client.string('theme', 'none');
export const limit: number = client.integer('limit', 5) + client.number('limit', 5) + client.number('ratio', 0.5, {});
export const columns: number = client.json('layout', { columns: 2, panes: [] }, {}).columns;
export const panes: readonly { readonly id: number; readonly hidden?: boolean }[] | undefined = client.json('layout', null)?.panes;
export const served: 'wide' | 'narrow' | null = client.snapshot.evaluate('layout', {}).variant;
await client.whenReady();
client.close();

{
  using snapshot = flags(new Snapshot(document));
  const flag = snapshot.flag('theme');
  const plain: Flag = flag;
  const context: Context = snapshot.context({ user_id: 'U-1' });
  const evaluation = snapshot.evaluate(flag, context, { now: 0 });
  const key: 'theme' = evaluation.flag_key;
  const value: 'dark' | 'light' | "it's" | null = evaluation.value;
  const whole: Evaluation = evaluation;
  const all = snapshot.evaluateAll(context);
  const on: boolean | null | undefined = all['checkout.v2'];
  const named: Served<Evaluation, 'theme'> = evaluation;
  console.log(plain, key, value, whole, on, named, snapshot.decide('limit', {}).bucket, snapshot.explain('limit', {}).reason_chain, snapshot.version);
}

export function anyOf(one: FlagKey, of: WithFlags<Client> | WithFlags<Snapshot>): boolean {
  return of.evaluate(one, {}).enabled;
}
export const slim: boolean | null = flags(new Slim(document)).evaluate('base', {}).value;
declare const console: { log(...of: unknown[]): void };
