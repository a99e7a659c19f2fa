// Uses of what `burgee types` writes that must not compile; cli-types.test.mjs compiles this as it is, and without the comments that expect it.

import { Snapshot } from 'burgee';
import { createClient } from 'burgee/client';
import { flags, type FlagKey } from './flags.js';

declare const document: string;
const client = flags(createClient({ url: 'https://flags.example/snapshot' }));
const snapshot = flags(new Snapshot(document));

// @ts-expect-error misspelt
client.boolean('chekout.v2', false);
// @ts-expect-error archived
client.boolean('gone', false);
// @ts-expect-error of another type
client.boolean('theme', false);
// @ts-expect-error of another type
client.string('limit', '');
// @ts-expect-error a number is not an integer
client.integer('ratio', 1);
// @ts-expect-error the default is of another type
client.boolean('base', 'no');
// @ts-expect-error any text
client.boolean('base' as string, false);
// @ts-expect-error no such member
client.json('layout', null)?.rows;
// @ts-expect-error misspelt
client.evaluate('bsae', {});
// @ts-expect-error misspelt
client.snapshot.evaluate('bsae', {});
// @ts-expect-error misspelt
snapshot.flag('bsae');
// @ts-expect-error misspelt
snapshot.decide('bsae', {});
// @ts-expect-error misspelt
snapshot.explain('bsae', {});
// @ts-expect-error misspelt
snapshot.evaluateAll({}).bsae;
// @ts-expect-error no such variant
export const isBlue = snapshot.evaluate('theme', {}).variant === 'blue';
// @ts-expect-error no such value
export const isRed = snapshot.evaluate('theme', {}).value === 'red';
// @ts-expect-error what the snapshot serves may be nothing
export const on: boolean = snapshot.evaluate('base', {}).value;
// @ts-expect-error misspelt
export const key: FlagKey = 'bsae';
// @ts-expect-error neither a client nor a snapshot
flags({});
