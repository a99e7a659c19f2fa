// Asks every case through the OpenFeature SDK for servers and its stock OFREP provider. Cases come on standard input, answers go to
// standard output, one line of JSON each; see run.mjs.

import { text } from 'node:stream/consumers';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';

const { base, cases } = JSON.parse(await text(process.stdin));
const ASK = { boolean: 'Boolean', string: 'String', integer: 'Number', number: 'Number', object: 'Object' };

const clients = new Map();
async function clientOf(tenant) {
  const domain = `tenant-${tenant}`;
  if (!clients.has(domain)) {
    const headers = tenant && [['X-Tenant-ID', tenant]];
    await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: base, ...(headers && { headers }) }));
    clients.set(domain, OpenFeature.getClient(domain));
  }
  return clients.get(domain);
}

for (const { id, tenant, flag, type, default: fallback, context } of cases) {
  const client = await clientOf(tenant);
  const details = await client[`get${ASK[type]}Details`](flag, fallback, context ?? undefined);
  const { value, variant, reason, errorCode, errorMessage, flagMetadata: metadata } = details;
  console.log(JSON.stringify({ id, value, variant, reason, errorCode, errorMessage, metadata }));
}
