// Uses of the providers that must compile, and in the same file those that must not.

import { OpenFeature as Server, type Provider as ServerProvider } from '@openfeature/server-sdk';
import { OpenFeature as Web, type Provider as WebProvider } from '@openfeature/web-sdk';
import { BurgeeServerProvider, type BurgeeServerProviderOptions, type TrackingEvent } from 'burgee/openfeature-server';
import { BurgeeWebProvider } from 'burgee/openfeature-web';
import { BurgeeWebProvider as SlimWebProvider } from 'burgee/slim/openfeature-web';

const url = 'https://flags.example/v1/snapshot';
const snapshot = { flags: [{ key: 'a' }] };

export const options: BurgeeServerProviderOptions = {
  url,
  refresh: 60_000,
  hooks: [{ before: async (context) => ({ ...context.context }) }],
  onTrack: ({ name, context, details, at }) => void [name, context.targetingKey, details.value, at],
  cache: true,
};
export const server: ServerProvider = new BurgeeServerProvider(options);
export const web: WebProvider = new BurgeeWebProvider({ snapshot, onExposure: (batch) => void batch.length, hooks: [{ finally: () => {} }] });
export const slim: WebProvider = new SlimWebProvider({ snapshot });
export type Tracked = TrackingEvent<{ targetingKey?: string }, { value?: number }>;

Server.setProvider(server);
Web.setProvider('domain', web);
export const status: string = new BurgeeWebProvider({ snapshot }).client.status;

// @ts-expect-error for servers
Web.setProvider(server);
// @ts-expect-error both
new BurgeeServerProvider({ url, snapshot });
// @ts-expect-error neither
new BurgeeWebProvider({ cache: true });
// @ts-expect-error a misspelt option
new BurgeeWebProvider({ url, onTracked: () => {} });
// @ts-expect-error hooks are a list
new BurgeeServerProvider({ url, hooks: {} });
// @ts-expect-error what is inside is not for others
new BurgeeServerProvider({ url }).client.record;
