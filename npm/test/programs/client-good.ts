// Uses of the client that must compile; client-types.test.mjs compiles them in every way that TypeScript resolves the package.

import { Snapshot, type Evaluation, type Registry } from 'burgee';
import { createClient, type Change, type Client, type ClientOptions, type ClientStatus, type Exposure, type SnapshotSource } from 'burgee/client';
import { createClient as createSlimClient } from 'burgee/slim/client';

const registry: Registry = { flags: [{ key: 'a' }] };

export const polling: Client = createClient({ url: 'https://flags.example/v1/snapshot' });
export const told: Client = createClient({
  url: { href: '/v1/snapshot' },
  refresh: 60_000,
  timeout: 5_000,
  bootstrap: registry,
  tenant: 'acme',
  headers: async () => ({ Authorization: 'Bearer x' }),
  storage: null,
  fetch: async (url, { headers, signal }) => {
    const sent: string | undefined = headers['If-None-Match'];
    return { status: sent === url ? 304 : 200, headers: { get: () => null }, arrayBuffer: async () => new ArrayBuffer(0), signal };
  },
  onChange: ({ version, changed }: Change) => console(version, changed.join()),
  onStatus: (status: ClientStatus, previous) => console(status === 'stale', previous),
  onError: (error) => console(error.code === 'unauthorized', error.pointer),
  onExposure: async (batch: readonly Exposure[]) => console(...batch.map(({ flag, unit, at }) => `${flag} ${unit} ${at}`)),
  exposures: { window: 60_000, size: 10 },
});
export const fixed: Client[] = [registry, '{"flags":[]}', new Uint8Array(), new Snapshot(registry)].map((snapshot) => createClient({ snapshot }));
export const slim: Client = createSlimClient({ snapshot: registry });

/** Options that are put together elsewhere. */
export function later(url: string | undefined, snapshot: SnapshotSource): Client {
  const options: ClientOptions = url === undefined ? { snapshot } : { url, bootstrap: snapshot };
  return createClient(options);
}

export function read(client: Client): unknown[] {
  using short = createClient({ snapshot: registry });
  const context = client.snapshot.context({ user_id: 'U-1' });
  const evaluation: Evaluation = client.evaluate('a', context, { track: false, now: 0, overrides: null });
  const boolean: boolean = client.boolean('a', false, { user_id: 'U-1' });
  const string: string = short.string('a', 'b');
  const number: number = client.number('a', 1) + client.integer('a', 1);
  const shape: { columns: number } = client.json('a', { columns: 2 }, context);
  return [evaluation.value, boolean, string, number, shape.columns, client.evaluateAll(context), client.status === 'fresh'];
}

export async function end(client: Client): Promise<void> {
  await client.whenReady();
  await client.refresh();
  client.flush();
  client.close();
}

function console(...said: readonly unknown[]): void {
  void said;
}
