// The specification's scenarios with the SDK for servers: all of them.

import { test } from 'node:test';
import { AsyncLocalStorageTransactionContextPropagator, OpenFeature } from '@openfeature/server-sdk';
import { conform, load } from './run.mjs';
import { QUIET, methodOf } from './sdk.mjs';

const { BurgeeServerProvider } = await load('openfeature-server');

/** A provider that remembers the context it was given. */
class Retrievable extends BurgeeServerProvider {
  resolveBooleanEvaluation(key, otherwise, context) {
    this.given = context;
    return super.resolveBooleanEvaluation(key, otherwise, context);
  }
}

OpenFeature.setLogger(QUIET);
OpenFeature.setTransactionContextPropagator(new AsyncLocalStorageTransactionContextPropagator());

const sdk = {
  name: 'server',
  OpenFeature,
  provider: (options) => new Retrievable(options),
  runs: () => true,
  details: ({ client }, kind, key, fallback, context, options) => client[methodOf(kind)](key, fallback, context, options),
  /** Evaluates with what is set at each level, and gives what the provider got. */
  async merged({ client, provider }, levels) {
    OpenFeature.setContext(levels['API'] ?? {});
    client.setContext(levels['Client'] ?? {});
    client.addHooks({ before: () => levels['Before Hooks'] ?? {} });
    const evaluate = () => client.getBooleanValue('boolean-flag', false, levels['Invocation'] ?? {});
    await new Promise((done) => OpenFeature.setTransactionContext(levels['Transaction'] ?? {}, () => evaluate().then(done)));
    return provider.given;
  },
  async reset() {
    OpenFeature.setContext({});
    await OpenFeature.clearProviders();
  },
};

conform(test, sdk, {
  'evaluation.feature': [13, 13],
  'evaluation_v2.feature': [21, 82],
  'contextMerging.feature': [7, 29],
  'hooks.feature': [3, 3],
  'metadata.feature': [2, 5],
});
