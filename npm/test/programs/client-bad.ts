// Uses of the client that must not compile; client-types.test.mjs counts them.

import { createClient, type Client } from 'burgee/client';

const url = 'https://flags.example/v1/snapshot';
const snapshot = { flags: [] };
const client: Client = createClient({ snapshot });

// @ts-expect-error nothing to evaluate
createClient({});
// @ts-expect-error no options
createClient();
// @ts-expect-error both
createClient({ url, snapshot });
// @ts-expect-error a snapshot does not refresh
createClient({ snapshot, refresh: 5 });
// @ts-expect-error a snapshot needs no bootstrap
createClient({ snapshot, bootstrap: snapshot });
// @ts-expect-error a snapshot is not stored
createClient({ snapshot, storage: null });
// @ts-expect-error a snapshot is not fetched
createClient({ snapshot, headers: {} });
// @ts-expect-error a misspelt option
createClient({ url, refersh: 5 });
// @ts-expect-error a time as text
createClient({ url, refresh: '30s' });
// @ts-expect-error a bootstrap that is none
createClient({ url, bootstrap: { flags: 5 } });
// @ts-expect-error a storage that cannot be written
createClient({ url, storage: { getItem: () => null } });
// @ts-expect-error headers that are none
createClient({ url, headers: { a: 5 } });
// @ts-expect-error a function that is none
createClient({ url, onChange: true });
// @ts-expect-error what it is not told
createClient({ url, onChange: (change: string) => change });
// @ts-expect-error a misspelt option of exposures
createClient({ url, onExposure: () => {}, exposures: { windw: 5 } });
// @ts-expect-error clients are made by createClient
new Client({ snapshot });
// @ts-expect-error another type
client.boolean('a', 'false');
// @ts-expect-error a default there must be
client.string('a');
// @ts-expect-error a context that is no object
client.number('a', 1, 'U-1');
// @ts-expect-error a status that there is not
client.status === 'ready';
// @ts-expect-error a status is not set
client.status = 'fresh';
// @ts-expect-error what is inside is not for others
client.record(client.evaluate('a', {}), {});
// @ts-expect-error an option that there is not
client.evaluate('a', {}, { tracked: false });
