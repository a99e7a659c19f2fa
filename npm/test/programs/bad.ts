// Uses that must not compile; types.test.mjs counts them. TypeScript reports an expectation that nothing meets.

import * as FF from 'burgee';
import { init } from 'burgee/slim';

const registry: FF.Registry = { flags: [] };
const snapshot = new FF.Snapshot(registry);
const context = snapshot.context({});
const flag = snapshot.flag('a');
const evaluation = snapshot.evaluate(flag, context);
const decision = FF.evaluate(registry, { key: 'a' });
const error = new FF.BurgeeError('freed', '', '');

// Registries
// @ts-expect-error a misspelt stage
FF.evaluate({ flags: [{ key: 'a', stage: { rollout_stage: 'stagd_25' } }] }, { key: 'a' });
// @ts-expect-error a misspelt stage in its short form
FF.evaluate({ flags: [{ key: 'a', rollout_stage: 'Full' }] }, { key: 'a' });
// @ts-expect-error a misspelt stage of an environment
FF.evaluate({ flags: [{ key: 'a', rollout_stage: 'full', rollout_stage_map: { prod: 'rolledback' } }] }, { key: 'a' });
// @ts-expect-error no flags
FF.evaluate({}, { key: 'a' });
// @ts-expect-error no flags in what is compiled
new FF.Snapshot({ tenant: 'acme' });
// @ts-expect-error flags by key
new FF.Snapshot({ flags: { a: {} } });
// @ts-expect-error a flag without a key
new FF.Snapshot({ flags: [{ state: 'on' }] });
// @ts-expect-error a field that there is not
new FF.Snapshot({ flags: [{ key: 'a', enabled: true }] });
// @ts-expect-error a type that there is not
new FF.Snapshot({ flags: [{ key: 'a', type: 'bool' }] });
// @ts-expect-error a state that there is not
new FF.Snapshot({ flags: [{ key: 'a', state: true }] });
// @ts-expect-error a serve with both
new FF.Snapshot({ flags: [{ key: 'a', fallthrough: { variant: 'on', distribution: [{ variant: 'on', weight: 1 }] } }] });
// @ts-expect-error a stage in both forms
new FF.Snapshot({ flags: [{ key: 'a', stage: { rollout_stage: 'full' }, rollout_stage: 'full' }] });
// @ts-expect-error a row without a variant
new FF.Snapshot({ flags: [], overrides: [{ scope: 'user', id: 'U-1', flag: 'a' }] });
// @ts-expect-error a scope that there is not
new FF.Snapshot({ flags: [], overrides: [{ scope: 'project', id: 'U-1', flag: 'a', variant: true }] });
// @ts-expect-error no document
new FF.Snapshot();
// @ts-expect-error a number is no document
FF.evaluate(5, { key: 'a' });

// Requests
// @ts-expect-error no request
FF.evaluate(registry);
// @ts-expect-error no key
FF.evaluate(registry, { context: {} });
// @ts-expect-error a key that is no text
FF.evaluate(registry, { key: 5 });
// @ts-expect-error a field that there is not
FF.evaluate(registry, { key: 'a', user: 'U-1' });
// @ts-expect-error a context that is no object
FF.evaluate(registry, { key: 'a', context: 'U-1' });
// @ts-expect-error an attribute that nobody can compare
FF.evaluate(registry, { key: 'a', context: { user_id: () => 'U-1' } });
// @ts-expect-error a number that JSON does not have
FF.evaluate(registry, { key: 'a', context: { user_id: 5n } });
// @ts-expect-error an override that names no variant
FF.evaluate(registry, { key: 'a', overrides: { user: { a: 1 } } });
// @ts-expect-error a scope that there is not
FF.evaluate(registry, { key: 'a', overrides: { project: { a: true } } });
// @ts-expect-error a time in another form
FF.evaluate(registry, { key: 'a', now: new Date() });
// @ts-expect-error a batch of one key
FF.evaluateBatch(registry, { key: 'a' });
// @ts-expect-error a batch that is no list
FF.evaluateBatch(registry, { flags: 'a' });
// @ts-expect-error a number has no bucket
FF.hashBucket(5);

// Handles
// @ts-expect-error a flag is had from its snapshot
new FF.Flag();
// @ts-expect-error a context is had from its snapshot
new FF.Context();
// @ts-expect-error a key that is no text
snapshot.flag(5);
// @ts-expect-error no context
snapshot.evaluate(flag);
// @ts-expect-error a snapshot does not change
snapshot.version = 2;
// @ts-expect-error nor does an evaluation
evaluation.value = true;
// @ts-expect-error nor does a context
context.attributes.user_id = 'U-2';
// @ts-expect-error a value may be null, or of another type
const on: boolean = decision.value;
// @ts-expect-error a reason that there is not
evaluation.reason === 'rule_matched';
// @ts-expect-error a rule need not have decided
const rule: string = decision.rule_id;
// @ts-expect-error a code that there is not
error.code === 'not_found';
// @ts-expect-error what is inside is not for others
flag.index;
// @ts-expect-error what is inside is not for others
context.kept();
// @ts-expect-error what is for tests is not for others
FF.__trap();

// Entries
// @ts-expect-error the module is inside
FF.init(new Uint8Array());
// @ts-expect-error nothing to start with
init();

export { on, rule };
