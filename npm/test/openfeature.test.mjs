// The providers beside what the specification's scenarios ask of them (npm/conformance): both in the same words, through the real SDKs.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { OpenFeature as ServerAPI } from '@openfeature/server-sdk';
import { OpenFeature as WebAPI } from '@openfeature/web-sdk';
import { START, URL, documentOf, fault, load, server, settle, stopTime } from './support/client.mjs';

const [{ BurgeeServerProvider }, { BurgeeWebProvider }, { createClient }] = await load('./openfeature-server', './openfeature-web', './client');
const QUIET = { error() {}, warn() {}, info() {}, debug() {} };

const METHODS = { boolean: 'getBooleanDetails', string: 'getStringDetails', number: 'getNumberDetails', object: 'getObjectDetails' };

/** The SDKs, used alike: `details(type, key, otherwise, context)`. */
const SDKS = {
  server: {
    API: ServerAPI,
    Provider: BurgeeServerProvider,
    details: async (type, key, otherwise, context = {}) => ServerAPI.getClient()[METHODS[type]](key, otherwise, context),
  },
  web: {
    API: WebAPI,
    Provider: BurgeeWebProvider,
    async details(type, key, otherwise, context) {
      if (context !== undefined) await WebAPI.setContext(context);
      return WebAPI.getClient()[METHODS[type]](key, otherwise);
    },
  },
};

const snapshot = {
  tenant: 'acme',
  version: 12,
  flags: [
    { key: 'half', version: 3, rules: [{ id: 'some', percentage: 100, serve: { variant: 'on' } }], default_variant: 'off' },
    { key: 'mine', rules: [{ id: 'me', when: { attr: { user_id: 'U-1' } }, serve: { variant: 'on' } }], default_variant: 'off' },
    { key: 'since', rules: [{ id: 'new', when: { attr: 'joined', op: 'after', value: '2026-01-01T00:00:00Z' }, serve: { variant: 'on' } }], default_variant: 'off' },
    { key: 'off', state: 'off', metadata: { team: 'core' } },
    { key: 'wrong', type: 'string' },
    { key: 'static' },
    { key: 'int', type: 'integer', variants: [{ key: 'a', value: 7 }], default_variant: 'a' },
    { key: 'num', type: 'number', variants: [{ key: 'a', value: 0.5 }], default_variant: 'a' },
    { key: 'tree', type: 'json', variants: [{ key: 'a', value: [1] }], default_variant: 'a' },
    { key: 'child', prerequisites: [{ flag: 'off', variants: ['on'] }] },
  ],
};

for (const [name, { API, Provider, details }] of Object.entries(SDKS)) {
  describe(name, () => {
    API.setLogger(QUIET);
    afterEach(async () => {
      await API.clearProviders();
      if (name === 'web') await WebAPI.clearContexts();
      API.clearHandlers();
    });

    /** Sets a provider; its events are in `events`, as `[name, flagsChanged]`. */
    const set = (options, wait = false) => {
      const events = [];
      for (const event of ['READY', 'ERROR', 'STALE', 'CONFIGURATION_CHANGED', ...(name === 'web' ? ['RECONCILING', 'CONTEXT_CHANGED'] : [])]) {
        API.addHandler(`PROVIDER_${event}`, ({ flagsChanged }) => void events.push(flagsChanged === undefined ? event : [event, flagsChanged]));
      }
      events.length = 0;
      const provider = new Provider(options);
      const set = wait ? API.setProviderAndWait(provider) : API.setProvider(provider);
      return { provider, events, set, status: () => API.getClient().providerStatus };
    };
    const url = (answers, more) => {
      const { fetch, requests } = server(...answers);
      return { options: { url: URL, fetch, storage: null, ...more }, requests };
    };

    test('options are those of createClient, and hooks, onTrack and cache', () => {
      const refused = {
        ...{ '/snapshot': { url: URL, snapshot }, '/url': {}, '/tracked': { snapshot, tracked: 1 } },
        ...{ '/hooks': { snapshot, hooks: {} }, '/onTrack': { snapshot, onTrack: 1 }, '/cache': { snapshot, cache: 1 }, '/onChange': { snapshot, onChange: 1 } },
      };
      for (const [pointer, options] of Object.entries(refused)) assert.throws(() => new Provider(options), fault('invalid_option', pointer));
      assert.throws(() => new Provider(), fault('invalid_option', '/url'));
      assert.equal(new Provider({ snapshot }).metadata.name, 'burgee');
    });

    test('with a snapshot, a bootstrap or something stored it is ready before anybody waits', async () => {
      const json = JSON.stringify(snapshot);
      const stored = { getItem: () => `burgee/1\n\n${json}`, setItem() {}, removeItem() {} };
      const never = () => new Promise(() => {});
      for (const options of [{ snapshot }, { ...url([never]).options, bootstrap: json }, { ...url([never]).options, storage: stored }]) {
        const { status, events } = set(options);
        assert.equal(status(), 'READY');
        const { value, reason } = await details('boolean', 'static', false);
        assert.deepEqual([value, reason, events[0]], [true, 'STATIC', 'READY']);
        await API.clearProviders();
      }
    });

    test('the targeting key is the user, and wins over user_id', async () => {
      set({ snapshot });
      const value = async (context) => (await details('boolean', 'mine', false, context)).value;
      assert.equal(await value({ targetingKey: 'U-1' }), true);
      assert.equal(await value({ user_id: 'U-1' }), true);
      assert.equal(await value({ targetingKey: 'U-2', user_id: 'U-1' }), false);
      assert.equal(await value({ targetingKey: '', user_id: 'U-1' }), true, 'an empty one is none');
    });

    test('a bucket without a targeting key is TARGETING_KEY_MISSING', async () => {
      set({ snapshot });
      for (const context of [{}, { targetingKey: '' }]) {
        const { value, reason, errorCode, flagMetadata } = await details('boolean', 'half', true, context);
        assert.deepEqual([value, reason, errorCode], [true, 'ERROR', 'TARGETING_KEY_MISSING']);
        assert.equal(flagMetadata.reasonCode, 'no_bucketing_unit');
      }
      const { value, reason, variant } = await details('boolean', 'half', false, { targetingKey: 'U-1' });
      assert.deepEqual([value, reason, variant], [true, 'SPLIT', 'on']);
      assert.equal((await details('boolean', 'half', false, { project_id: 'P-1' })).reason, 'SPLIT');
    });

    test('dates are times', async () => {
      set({ snapshot });
      const value = async (joined) => (await details('boolean', 'since', false, { targetingKey: 'U-1', joined })).value;
      assert.equal(await value(new Date('2026-02-01')), true);
      assert.equal(await value(new Date('2025-02-01')), false);
      assert.equal(await value(new Date(NaN)), false);
    });

    test('off delivers its off value, and says that it is off; a flag that is wrong in itself leaves the default', async () => {
      set({ snapshot });
      const off = await details('boolean', 'off', true);
      assert.deepEqual([off.value, off.variant, off.reason], [false, 'off', 'STATIC']);
      assert.deepEqual({ ...off.flagMetadata }, { team: 'core', flagSetId: 'acme', reasonCode: 'flag_off', flagState: 'off' });
      const wrong = await details('string', 'wrong', 'mine');
      assert.deepEqual([wrong.value, wrong.variant, wrong.reason, wrong.errorCode], ['mine', undefined, 'DISABLED', undefined]);
    });

    test('metadata say which rule, prerequisite, version and reason', async () => {
      set({ snapshot });
      const metadata = async (key) => ({ ...(await details('boolean', key, false, { targetingKey: 'U-1' })).flagMetadata });
      assert.deepEqual(await metadata('half'), { flagSetId: 'acme', version: 3, reasonCode: 'rule_match', ruleId: 'some' });
      assert.deepEqual(await metadata('child'), { flagSetId: 'acme', reasonCode: 'prerequisite_failed', prerequisite: 'off' });
      assert.deepEqual(await metadata('static'), { flagSetId: 'acme' });
    });

    test('an integer is a number, and a list is an object', async () => {
      set({ snapshot });
      assert.equal((await details('number', 'int', 1)).value, 7);
      assert.equal((await details('number', 'num', 1)).value, 0.5);
      assert.deepEqual((await details('object', 'tree', [])).value, [1]);
      assert.equal((await details('string', 'int', 'a')).errorCode, 'TYPE_MISMATCH');
    });

    test('it waits for the first snapshot; then events tell of new ones, of failures, and of their end', async (t) => {
      const time = stopTime(t);
      const bodies = [documentOf(1, { a: true, b: true }), documentOf(2, { a: false, b: true }), documentOf(3, { b: true, c: true })];
      const [first, second, third] = bodies.map((body) => ({ body }));
      const said = [];
      const callbacks = { onChange: ({ version }) => said.push(version), onStatus: (status) => said.push(status), onError: ({ code }) => said.push(code) };
      const { events, status, set: ready } = set(url([first, second, { status: 500 }, { status: 500 }, third], callbacks).options, true);
      assert.equal(status(), 'NOT_READY');
      await ready;
      assert.equal(status(), 'READY');
      await time.pass(30_000);
      assert.equal((await details('boolean', 'a', true)).value, false);
      await time.pass(30_000);
      assert.equal(status(), 'STALE');
      assert.equal((await details('boolean', 'a', true)).value, false);
      await time.pass(1_000);
      await time.pass(2_000);
      assert.equal(status(), 'READY');
      assert.deepEqual(events, ['READY', ['CONFIGURATION_CHANGED', ['a']], 'STALE', 'READY', ['CONFIGURATION_CHANGED', ['c', 'a']]]);
      assert.deepEqual(said, ['fresh', 1, 2, 'stale', 'unavailable', 'unavailable', 'fresh', 3], 'its user is told too');
    });

    test('without a first snapshot it is in error, and ready as soon as there is one', async (t) => {
      const time = stopTime(t);
      const { options } = url([{ status: 500 }, { status: 500 }, { body: documentOf(1, { a: true }) }]);
      const { events, status, set: ready } = set(options, true);
      await assert.rejects(ready, fault('unavailable'));
      assert.equal(status(), 'ERROR');
      const { errorCode, errorMessage } = await details('boolean', 'a', false);
      assert.equal(errorCode, 'PROVIDER_NOT_READY');
      assert.match(errorMessage, /answers 500/);
      await time.pass(1_000);
      await time.pass(2_000);
      assert.equal(status(), 'READY');
      assert.equal((await details('boolean', 'a', false)).value, true);
      assert.deepEqual(events, ['ERROR', 'ERROR', 'READY', ['CONFIGURATION_CHANGED', ['a']]]);
    });

    test('with other credentials wanted it is in a fatal state, and recovers if they come to be good', async (t) => {
      const time = stopTime(t);
      const { options } = url([{ status: 401 }, { status: 403 }, { body: documentOf(1, { a: true }) }]);
      const { status, set: ready } = set(options, true);
      await assert.rejects(ready, ({ code, cause }) => code === 'PROVIDER_FATAL' && cause.code === 'unauthorized');
      assert.equal(status(), 'FATAL');
      assert.equal((await details('boolean', 'a', false)).errorCode, 'PROVIDER_FATAL');
      await time.pass(1_000);
      assert.equal(status(), 'FATAL');
      await time.pass(2_000);
      assert.equal(status(), 'READY');
    });

    test('the SDK closes it, and so its client', async () => {
      const { options, requests } = url([{ body: documentOf(1, { a: true }) }]);
      const { provider, set: ready } = set(options, true);
      await ready;
      await API.clearProviders();
      assert.equal(provider.client.status, 'empty');
      await assert.rejects(provider.client.refresh(), fault('freed'));
      assert.equal(requests.length, 1);
    });

    test('hooks of the options run, with what there is to say', async () => {
      const ran = [];
      const hook = {
        before: ({ flagKey, providerMetadata }) => void ran.push(['before', flagKey, providerMetadata.name]),
        after: (_, { value, variant, reason }) => void ran.push(['after', value, variant, reason]),
        error: (_, { code }) => void ran.push(['error', code]),
        finally: (_, { value }) => void ran.push(['finally', value]),
      };
      set({ snapshot, hooks: [hook] });
      await details('boolean', 'static', false);
      await details('boolean', 'missing', false);
      assert.deepEqual(ran, [
        ['before', 'static', 'burgee'],
        ['after', true, 'on', 'STATIC'],
        ['finally', true],
        ['before', 'missing', 'burgee'],
        ['error', 'FLAG_NOT_FOUND'],
        ['finally', false],
      ]);
    });

    test('what is tracked is handed on, or dropped', async (t) => {
      stopTime(t);
      const events = [];
      set({ snapshot, onTrack: (event) => void events.push(event) });
      const context = { targetingKey: 'U-1' };
      if (name === 'web') await WebAPI.setContext(context);
      const track = (details) => (name === 'web' ? API.getClient().track('bought', details) : API.getClient().track('bought', context, details));
      track({ value: 9.9, currency: 'EUR' });
      assert.deepEqual(events, [{ name: 'bought', context: { targetingKey: 'U-1' }, details: { value: 9.9, currency: 'EUR' }, at: START }]);
      await API.clearProviders();
      set({ snapshot });
      track({});
      assert.equal(events.length, 1);
    });

    test('evaluations are exposures, of the targeting key', async () => {
      const exposures = [];
      const { provider } = set({ snapshot, onExposure: (batch) => void exposures.push(...batch), cache: true });
      for (const targetingKey of ['U-1', 'U-2', 'U-1']) await details('boolean', 'static', false, { targetingKey });
      await details('string', 'static', 'a');
      await details('boolean', 'missing', false);
      provider.client.flush();
      assert.deepEqual(exposures.map(({ flag, unit }) => [flag, unit]), [['static', 'U-1'], ['static', 'U-2']], 'cached or not');
    });

    test('cached are the answers that no context changes, until there is another snapshot', async () => {
      const body = (on) => ({ flags: [...documentOf(1, { a: on }).flags, snapshot.flags[1]] });
      const { options } = url([{ body: body(true) }, { body: body(false) }]);
      const { provider, set: ready } = set({ ...options, cache: true }, true);
      await ready;
      const ask = async (key) => {
        const { value, variant, reason } = await details('boolean', key, null, { targetingKey: 'U-1' });
        return [value, variant, reason];
      };
      assert.deepEqual([await ask('a'), await ask('a'), await ask('mine'), await ask('mine')], [
        [true, 'on', 'STATIC'],
        [true, 'on', 'CACHED'],
        [true, 'on', 'TARGETING_MATCH'],
        [true, 'on', 'TARGETING_MATCH'],
      ]);
      await provider.client.refresh();
      assert.deepEqual([await ask('a'), await ask('a')], [[false, 'off', 'STATIC'], [false, 'off', 'CACHED']]);
    });

    test('what it says is what the client says', async () => {
      set({ snapshot });
      const client = createClient({ snapshot });
      for (const key of client.snapshot.flagKeys) {
        const { type } = client.snapshot.flag(key);
        if (type === null) continue;
        const { value, variant, openfeature_reason, metadata } = client.evaluate(key, { user_id: 'U-1', targetingKey: 'U-1' });
        const kind = { integer: 'number', json: 'object' }[type] ?? type;
        const found = await details(kind, key, undefined, { targetingKey: 'U-1' });
        assert.deepEqual([found.value, found.variant, found.reason, found.flagMetadata], [value, variant, openfeature_reason, metadata], key);
      }
      client.close();
    });
  });
}

test('web: another context is evaluated at once, and nothing is reconciled', async () => {
  const events = [];
  for (const event of ['PROVIDER_RECONCILING', 'PROVIDER_CONTEXT_CHANGED']) WebAPI.addHandler(event, () => void events.push(event));
  WebAPI.setProvider(new BurgeeWebProvider({ snapshot }));
  const changed = WebAPI.setContext({ targetingKey: 'U-1' });
  assert.equal(WebAPI.getClient().getBooleanValue('mine', false), true, 'before anybody waits');
  await changed;
  assert.deepEqual(events, ['PROVIDER_CONTEXT_CHANGED']);
  await WebAPI.clearContexts();
  await WebAPI.clearProviders();
  WebAPI.clearHandlers();
});

test('a provider is for its own SDK', () => {
  assert.throws(() => WebAPI.setProvider(new BurgeeServerProvider({ snapshot })), /intended for use on the server/);
  assert.throws(() => ServerAPI.setProvider(new BurgeeWebProvider({ snapshot })), /intended for use on the client/);
});
