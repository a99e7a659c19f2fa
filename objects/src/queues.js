// What queues bring: deliveries of webhooks, and batches of exposures. What a delivery says and how often it is tried again is decided in the
// tenant's object; here it is sent. A message whose object cannot be reached comes again, and goes to the dead letters in the end: a
// delivery is handed over anew by the object's alarm.

import { object, within } from '../../worker/src/bridge.js';

/** A receiver has so many milliseconds to answer. */
const RECEIVER_WITHIN_MS = 10_000;

/** An object has so many milliseconds to answer. */
const OBJECT_WITHIN_MS = 10_000;

/** Handles a batch of either queue. Each message is a success or a failure of its own. */
export async function consume(batch, env) {
  await Promise.all(
    batch.messages.map(async (message) => {
      try {
        await (message.body.delivery === undefined ? count(message.body, env) : deliver(message.body, env));
        message.ack();
      } catch (error) {
        console.warn(JSON.stringify({ timestamp: new Date().toISOString(), level: 'warn', message: 'a message failed', tenant: message.body?.tenant, fault: { message: String(error) } }));
        message.retry();
      }
    }),
  );
}

async function ask(env, tenant, path, init) {
  const response = await within(OBJECT_WITHIN_MS, object(env, tenant).fetch(`http://internal${path}`, init));
  if (!response.ok && response.status !== 404) throw new Error(`the object answers ${response.status} to ${path}`);
  return response;
}

const command = (env, tenant, command) => ask(env, tenant, '/command', { method: 'POST', body: JSON.stringify(command) });

const count = ({ tenant, id, counts }, env) => command(env, tenant, { count_exposures: { id, counts } });

/** Makes one attempt, and tells the object what came of it. A delivery that no longer waits, or that another attempt has begun of, is left alone. */
async function deliver({ tenant, delivery }, env) {
  const response = await ask(env, tenant, `/delivery?id=${encodeURIComponent(delivery)}`);
  if (response.status === 404) return;
  const { url, headers, body, attempt } = await response.json();
  const { status, error } = await post(url, headers, body);
  await command(env, tenant, { note_attempt: { delivery, attempt, status, error } });
}

async function post(url, headers, body) {
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.timeout(RECEIVER_WITHIN_MS) },
    });
    // Nothing of it is read: what a receiver answers beyond its status is nobody's.
    await response.body?.cancel();
    const { status } = response;
    return { status, error: status >= 200 && status < 300 ? '' : `the receiver answered ${status}` };
  } catch (error) {
    const late = error?.name === 'TimeoutError';
    return { status: null, error: late ? `no answer within ${RECEIVER_WITHIN_MS / 1000} s` : 'the receiver cannot be reached' };
  }
}
