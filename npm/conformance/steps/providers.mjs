// Providers in every state that one can be in.

import assert from 'node:assert/strict';
import { snapshot } from '../flags.mjs';

const answer = (status, body = null) => new Response(body, { status });
const good = () => answer(200, JSON.stringify(snapshot));

/** For each status of a scenario: an URL's answers, and what brings the provider there. */
const PROVIDERS = {
  stable: { options: () => ({ snapshot }) },
  'not ready': { fetch: () => new Promise(() => {}), wait: false },
  error: { fetch: async () => answer(500) },
  fatal: { fetch: async () => answer(401) },
  stale: {
    fetch: (() => {
      let asked = 0;
      return () => async () => (asked++ === 0 ? good() : answer(500));
    })()(),
    async then(provider) {
      await assert.rejects(provider.client.refresh(), { code: 'unavailable' });
    },
  },
};

async function register(world, status) {
  const { sdk, domain, tags } = world;
  const { options, fetch, wait = true, then } = PROVIDERS[status];
  const given = options?.() ?? { url: 'https://flags.example/v1/snapshot', fetch };
  // Reasons say CACHED only where that was asked for.
  const provider = sdk.provider({ ...given, cache: tags.includes('@reason-codes-cached') });
  world.provider = provider;
  if (wait) await sdk.OpenFeature.setProviderAndWait(domain, provider).catch((error) => (world.problem = error));
  else sdk.OpenFeature.setProvider(domain, provider);
  await then?.(provider);
  world.client = sdk.OpenFeature.getClient(domain);
}

export const providerSteps = [
  [/^an? (stable|not ready|error|fatal|stale) provider$/, register],
  ['a stable provider with retrievable context is registered', (world) => register(world, 'stable')],
  ['the provider status should be {string}', (world, status) => assert.equal(world.client.providerStatus, status)],
];
