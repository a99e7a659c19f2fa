// Asks every case through the OpenFeature SDK for the web and its stock OFREP provider, which fetches all flags whenever the context
// changes. Cases come on standard input, answers go to standard output, one line of JSON each; see run.mjs.

import { text } from 'node:stream/consumers';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature } from '@openfeature/web-sdk';

const { base, cases, steps } = JSON.parse(await text(process.stdin));
const ASK = { boolean: 'Boolean', string: 'String', integer: 'Number', number: 'Number', object: 'Object' };

// What the provider is answered, seen from outside.
const statuses = [];
async function watch(...request) {
  const response = await fetch(...request);
  statuses.push(response.status);
  return response;
}

const clients = new Map();
async function clientOf(domain, tenant) {
  if (!clients.has(domain)) {
    const headers = tenant && [['X-Tenant-ID', tenant]];
    const provider = new OFREPWebProvider({ baseUrl: base, fetchImplementation: watch, ...(headers && { headers }) });
    // One that has no flags is in error from the start, and says so.
    await OpenFeature.setProviderAndWait(domain, provider).catch(() => {});
    clients.set(domain, OpenFeature.getClient(domain));
  }
  return clients.get(domain);
}

for (const { id, tenant, flag, type, default: fallback, context } of cases) {
  const domain = `tenant-${tenant}`;
  const client = await clientOf(domain, tenant);
  await OpenFeature.setContext(domain, context ?? {});
  const details = client[`get${ASK[type]}Details`](flag, fallback);
  const { value, variant, reason, errorCode, errorMessage, flagMetadata: metadata } = details;
  console.log(JSON.stringify({ id, value, variant, reason, errorCode, errorMessage, metadata }));
}

const client = await clientOf('steps');
for (const { id, context } of steps) {
  statuses.length = 0;
  await OpenFeature.setContext('steps', context);
  console.log(JSON.stringify({ id, statuses, value: client.getStringValue('by.country', '') }));
}
await OpenFeature.close();
