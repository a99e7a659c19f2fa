// How an isolate hands over what it has counted, to be summed up. What is counted, what a hand-over holds and that each counts once, is decided
// in Rust; here are the platform's parts of it: a timer and a call.

import { meterOf } from './sums.js';
import { wasm } from './trap.js';

/** An isolate hands over at most so often, and waits twice as long after each failure. */
const EVERY_MS = 1_000;
const TRIES = 3;

/** Hands over in a second's time. The evaluator calls it with the first thing that it counts after the last hand-over. */
export function schedule(env, context) {
  if (env.METER) context.waitUntil(handOverLater(env));
}

async function handOverLater(env) {
  for (let tried = 0; tried < TRIES; tried += 1) {
    await sleep(EVERY_MS * 2 ** tried);
    try {
      return await handOver(env);
    } catch (error) {
      const line = { timestamp: new Date().toISOString(), level: 'warn', message: 'sums not handed over', error: String(error) };
      console.warn(JSON.stringify(line));
      if (!wasm().meterRetry(Date.now())) return;
    }
  }
  wasm().meterGiveUp();
}

/** Hands over what was kept after a failure, and what was counted since. */
async function handOver(env) {
  for (let round = 0; round < 2; round += 1) {
    const delta = wasm().meterInHand(Date.now());
    if (delta === undefined) return;
    await meterOf(env, (meter) => meter.take(delta));
    wasm().meterDelivered(delta);
  }
}

/** All isolates' sums as text, this one's included. */
export async function text(env) {
  await handOver(env);
  return meterOf(env, (meter) => meter.text());
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
