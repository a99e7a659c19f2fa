// The specification's scenarios with the SDK for the web: all but those that need what its paradigm does not have. There the context is
// one, set on the API: a transaction, a client or an invocation has none of its own, and hooks do not change it. So of the merging of
// contexts there is what is set on the API alone.

import { test } from 'node:test';
import { OpenFeature } from '@openfeature/web-sdk';
import { conform, load } from './run.mjs';
import { QUIET, methodOf } from './sdk.mjs';

const { BurgeeWebProvider } = await load('openfeature-web');

/** A provider that remembers the context it was given. */
class Retrievable extends BurgeeWebProvider {
  resolveBooleanEvaluation(key, otherwise, context) {
    this.given = context;
    return super.resolveBooleanEvaluation(key, otherwise, context);
  }
}

OpenFeature.setLogger(QUIET);

const OTHER_LEVELS = /"(Transaction|Client|Invocation|Before Hooks)"/;

const sdk = {
  name: 'web',
  OpenFeature,
  provider: (options) => new Retrievable(options),
  runs: (file, { steps }) => file !== 'contextMerging.feature' || !steps.some(({ text }) => OTHER_LEVELS.test(text)),
  async details({ client, domain }, kind, key, fallback, context, options) {
    await OpenFeature.setContext(domain, context);
    return client[methodOf(kind)](key, fallback, options);
  },
  async merged({ client, provider }, levels) {
    await OpenFeature.setContext(levels['API']);
    client.getBooleanValue('boolean-flag', false);
    return provider.given;
  },
  async reset() {
    await OpenFeature.clearContexts();
    await OpenFeature.clearProviders();
  },
};

conform(test, sdk, {
  'evaluation.feature': [13, 13],
  'evaluation_v2.feature': [21, 82],
  'contextMerging.feature': [4, 6],
  'hooks.feature': [3, 3],
  'metadata.feature': [2, 5],
});
