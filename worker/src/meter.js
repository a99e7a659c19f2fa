// The sums of all isolates: the object that keeps them, and how an isolate hands over its own. What is counted, what a hand-over holds and
// that each counts once, is decided in Rust; here are the platform's parts of it: a timer, a call, a database.

import { DurableObject } from 'cloudflare:workers';
import { wasm } from './trap.js';

// ---- In an isolate ---------------------------------------------------------------------------------------------------

/** An isolate hands over at most so often, and waits twice as long after each failure. */
const EVERY_MS = 1_000;
const TRIES = 3;

/** How long the object may take. With the waits, all tries end within the 30 s that the platform gives work after an answer. */
const WITHIN_MS = 3_000;

/** The one object that keeps the sums. */
const NAME = 'total';

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

/** Hands on a tenant's report, which is JSON; it rejects where the object does not take it. */
export const report = (env, text) => meterOf(env, (meter) => meter.report(text));

/** What the object answers; it rejects where that takes too long. */
async function meterOf({ METER: namespace }, ask) {
  if (!namespace) throw new Error('there is no binding METER');
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the meter did not answer within ${WITHIN_MS} ms`)), WITHIN_MS);
  });
  try {
    return await Promise.race([ask(namespace.getByName(NAME)), late]);
  } finally {
    clearTimeout(timer);
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- The object ------------------------------------------------------------------------------------------------------

const TABLES = `
  CREATE TABLE IF NOT EXISTS total (series TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS isolate (name TEXT PRIMARY KEY, seen TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS isolate_at ON isolate (at);
  CREATE TABLE IF NOT EXISTS confirmed (tenant TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS confirmed_at ON confirmed (at);
  CREATE TABLE IF NOT EXISTS report (tenant TEXT PRIMARY KEY, at INTEGER NOT NULL, report TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** The database, as the evaluator calls it. */
class Rows {
  #sql;

  constructor(sql) {
    this.#sql = sql;
  }

  /** The first column of the first row; undefined where there is none. */
  first(statement, bound) {
    return this.#sql.exec(statement, ...bound).raw().next().value?.[0];
  }

  run(statement, bound) {
    this.#sql.exec(statement, ...bound);
  }

  /** Every row of a statement that gives two columns, the first as a name and the second as its value. */
  named(statement) {
    return Object.fromEntries(this.#sql.exec(statement).raw());
  }
}

/** Keeps the sums of all isolates and what tenants' objects report. */
export class Meter extends DurableObject {
  #storage;
  #rows;

  constructor(context, env) {
    super(context, env);
    this.#storage = context.storage;
    this.#storage.sql.exec(TABLES);
    this.#rows = new Rows(this.#storage.sql);
  }

  /** Takes a delta: all of it, or none where this throws. */
  take(delta) {
    return this.#storage.transactionSync(() => wasm().meterTake(this.#rows, delta, Date.now()));
  }

  /** Takes a tenant's report. */
  report(report) {
    wasm().meterReport(this.#rows, report);
  }

  /** Everything in the Prometheus text format. */
  text() {
    const [counts, confirmed] = ['SELECT series, count FROM total', 'SELECT tenant, at FROM confirmed'].map((all) => this.#rows.named(all));
    const isolates = this.#rows.named("SELECT name, json_object('at', at) FROM isolate");
    const reports = this.#rows.named('SELECT tenant, report FROM report');
    const parsed = (texts) => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, JSON.parse(text)]));
    const totals = { counts, confirmed, isolates: parsed(isolates), reports: parsed(reports) };
    return wasm().meterRender(JSON.stringify(totals), Date.now());
  }
}
