// The object that keeps the sums of all isolates. What a delta says and that each counts once is decided in Rust; here is its database.

import { DurableObject } from 'cloudflare:workers';
import { wasm } from '../../worker/src/trap.js';

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
