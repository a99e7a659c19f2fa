// A tenant's object: the platform's storage, alarm, sockets and queues around what `src/*.rs` decide. It keeps nothing in memory
// that storage does not have, so that it can end at any time and begin anew.
//
// Requests reach it from the edge alone: those of callers, which the edge has let through, under the host `carried`; the edge's own
// under `internal`. What a caller sends decides nothing but the path under the first.

import { DurableObject } from 'cloudflare:workers';
import { meterOf } from '../../worker/src/sums.js';
import { endAll, wasm } from '../../worker/src/trap.js';

/** An alarm that failed is tried again after so many milliseconds. */
const ALARM_RETRY_MS = 10_000;

/** Thrown to undo a transaction whose answer is given all the same. */
const UNDO = Symbol('undo');

/** Runs single statements; sql.rs calls it. */
class Database {
  #sql;

  constructor(sql) {
    this.#sql = sql;
  }

  /** A statement's rows as JSON; `bound` is a JSON array of what stands for its `?`. */
  query(statement, bound) {
    return JSON.stringify([...this.#sql.exec(statement, ...JSON.parse(bound)).raw()]);
  }
}

export class Tenant extends DurableObject {
  #database;
  /** Whether this instance has seen that the tables are the last migration's. */
  #migrated = false;

  constructor(ctx, env) {
    super(ctx, env);
    this.#database = new Database(ctx.storage.sql);
    // The platform gives an alarm up after some failures: whoever wakes the object sets it again. An instance lives with one set of variables.
    ctx.blockConcurrencyWhile(async () => {
      try {
        if (this.#version() === 0) return;
        const [next, set] = [this.#nextAlarm(), await ctx.storage.getAlarm()];
        // Sooner than it is set where another key signs now: what was published is signed anew.
        if (set === null || (next !== null && next < set)) await this.#setAlarm(next);
      } catch (error) {
        // The request that woke it is answered all the same, with this error if it meets it too.
        console.error(wasm().tenantLog('the alarm is not set', String(error), Date.now()));
      }
    });
  }

  async fetch(request) {
    const { hostname, pathname, searchParams } = new URL(request.url);
    const now = this.#now(request);
    if (hostname === 'carried') return this.#carried(request, now);
    switch (pathname) {
      case '/version':
        return Response.json({ version: this.#version() });
      case '/snapshot':
        return this.#snapshot();
      case '/events':
        return this.#stream(request, now);
      case '/delivery':
        return this.#delivery(searchParams.get('id'), now);
      case '/command':
        return this.#command(await request.text(), now);
      case '/alarm':
        await this.#tick(now);
        return new Response(null, { status: 204 });
    }
    return new Response(null, { status: 404 });
  }

  async alarm() {
    await this.#tick(this.#now());
  }

  // ---- Requests ----------------------------------------------------------------------------------------------------------

  /** Answers a caller's request. All that it changes is stored in one transaction, together with what follows from it. */
  async #carried(request, now) {
    const body = new Uint8Array(await request.arrayBuffer());
    const tenant = request.headers.get('X-Burgee-Tenant');
    const random = crypto.getRandomValues(new Uint8Array(32));
    const header = (name) => request.headers.get(name) ?? '';
    const lines = wasm().tenantHeaders().split('\n').map(header).join('\n');
    const [principal, id, broken] = ['X-Burgee-Principal', 'X-Request-Id', 'X-Burgee-Body'].map(header);
    let answer;
    try {
      this.#migrate(tenant, now);
      answer = this.#transaction(() =>
        wasm().tenantServe(
          ...[this.#database, this.env, tenant, request.method, request.url, lines, principal, id, broken, body, now, random],
        ),
      );
    } catch (error) {
      return lost(error);
    }
    if (answer.after) await this.#follow(answer.after);
    return new Response(answer.body.byteLength === 0 ? null : answer.body, { status: answer.status, headers: answer.headers });
  }

  async #snapshot() {
    try {
      const bytes = this.#migrate() && wasm().tenantSnapshot(this.#database);
      return bytes ? new Response(await this.#signed(bytes)) : new Response(null, { status: 404 });
    } catch (error) {
      return lost(error);
    }
  }

  /** What a queue's consumer sends to a webhook. With this the attempt has begun, and no other begins for a time. */
  async #delivery(id, now) {
    try {
      if (!this.#migrate()) return new Response(null, { status: 404 });
      const { attempt, after } = this.#transaction(() => wasm().tenantDelivery(this.#database, this.env, id, now));
      if (!attempt) return new Response(null, { status: 404 });
      await this.#follow(after);
      return new Response(attempt);
    } catch (error) {
      return lost(error);
    }
  }

  /** Does what a queue's consumer tells. */
  async #command(command, now) {
    try {
      if (!this.#migrate()) return new Response(null, { status: 404 });
      const random = crypto.getRandomValues(new Uint8Array(32));
      const { after } = this.#transaction(() => wasm().tenantCommand(this.#database, this.env, command, now, random));
      await this.#follow(after);
      return new Response(null, { status: 204 });
    } catch (error) {
      return lost(error);
    }
  }

  // ---- Event streams -----------------------------------------------------------------------------------------------------

  /** Takes a socket that feeds an event stream at the edge. The object may sleep while it stands open; what must be known of it stands beside it. */
  #stream(request, now) {
    const { kind, after, query } = JSON.parse(decodeURIComponent(request.headers.get('X-Burgee-Stream')));
    try {
      this.#migrate(request.headers.get('X-Burgee-Tenant'), now);
      const { 0: client, 1: server } = new WebSocketPair();
      this.ctx.acceptWebSocket(server);
      server.serializeAttachment({ kind, query, last: after ?? -1 });
      this.#feed(server);
      return new Response(null, { status: 101, webSocket: client });
    } catch (error) {
      return lost(error);
    }
  }

  /** Writes what is new to a stream's socket. */
  #feed(socket) {
    let { kind, query, last } = socket.deserializeAttachment();
    for (let more = true; more; ) {
      let text;
      ({ text, last, more } = JSON.parse(wasm().tenantFrames(this.#database, kind, query, last)));
      if (text) socket.send(text);
    }
    socket.serializeAttachment({ kind, query, last });
  }

  #feedAll() {
    for (const socket of this.ctx.getWebSockets()) {
      try {
        this.#feed(socket);
      } catch (error) {
        if (error instanceof WebAssembly.RuntimeError) endAll();
        // It comes back, and goes on from the last that it has.
        socket.close(1011, 'the stream cannot go on');
      }
    }
  }

  webSocketMessage() {
    // Nothing is asked of these sockets.
  }

  webSocketClose(socket) {
    socket.close();
  }

  // ---- Storage -----------------------------------------------------------------------------------------------------------

  /** Brings the tables to the last migration, each in its own transaction. An object that nothing was written to gets tables for `tenant` alone. */
  #migrate(tenant, now = this.#now()) {
    if (this.#migrated) return true;
    const { storage } = this.ctx;
    if (!tenant && wasm().tenantMigration(this.#database) === 0) return false;
    while (storage.transactionSync(() => wasm().tenantMigrate(this.#database, tenant ?? '', now)));
    this.#migrated = true;
    return true;
  }

  /** Runs `work` in a transaction; one whose answer says that it failed is undone. */
  #transaction(work) {
    let answer;
    try {
      this.ctx.storage.transactionSync(() => {
        answer = work();
        if (answer.undo) throw UNDO;
      });
    } catch (error) {
      if (error !== UNDO) throw error;
    }
    return answer;
  }

  /** The snapshot's version; 0 where nothing was ever written. */
  #version() {
    return wasm().tenantVersion(this.#database);
  }

  // ---- What is due -------------------------------------------------------------------------------------------------------

  /** Does all that is due. It may be run twice, or late: what is due and what was done stands in storage. */
  async #tick(now) {
    // Should this end halfway through, whatever the reason, it begins again.
    await this.#setAlarm(Date.now() + ALARM_RETRY_MS);
    if (!this.#migrate()) return this.#setAlarm(null);
    try {
      const random = crypto.getRandomValues(new Uint8Array(32));
      const after = this.#transaction(() => wasm().tenantTick(this.#database, this.env, now, random)).after;
      await Promise.all([this.#publish(now), this.#report(now)]);
      await this.#follow({ ...after, alarm: this.#nextAlarm() });
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) endAll();
      console.error(wasm().tenantLog('the alarm failed', String(error), now));
    }
  }

  /** Writes the snapshot to KV where that is due, and notes what came of it. */
  async #publish(now) {
    const due = wasm().tenantPublication(this.#database, now);
    if (!due) return;
    const { tenant, version, bytes } = due;
    let error = '';
    try {
      await this.env.FLAGS.put(`snapshot:${tenant}`, await this.#signed(bytes));
    } catch (reason) {
      error = String(reason) || 'unknown';
    }
    if (error) console.warn(wasm().tenantLog('snapshot not published', error, now));
    this.ctx.storage.transactionSync(() => wasm().tenantPublished(this.#database, version, error === '', now));
  }

  /**
   * A packed snapshot with its signatures. One that cannot be signed goes as it is: whoever verifies refuses it, and a kill switch still
   * reaches everybody else.
   */
  async #signed(bytes) {
    const { key, inputs } = wasm().tenantToSign(this.env, bytes) ?? {};
    if (!key) return bytes;
    let signatures;
    try {
      const own = await crypto.subtle.importKey('jwk', JSON.parse(key), 'Ed25519', false, ['sign']);
      signatures = await Promise.all(inputs.map(async (input) => new Uint8Array(await crypto.subtle.sign('Ed25519', own, input))));
    } catch (error) {
      // Its name alone: what it says may be of the key.
      console.error(wasm().tenantLog('the snapshot is not signed: FF_SIGNING_KEYS has a key that the platform does not take', error.name, Date.now()));
      return bytes;
    }
    const [document, publicForm = new Uint8Array()] = signatures;
    return wasm().tenantSigned(this.env, bytes, document, publicForm);
  }

  /** Tells the totals how the tenant is doing where that is due, and notes what came of it. */
  async #report(now) {
    const text = this.ctx.storage.transactionSync(() => wasm().tenantReport(this.#database, now));
    if (text === undefined) return;
    let error = '';
    try {
      // Where there are no totals, there is nobody to tell.
      if (this.env.METER) await meterOf(this.env, (meter) => meter.report(text));
    } catch (reason) {
      error = String(reason) || 'unknown';
    }
    if (error) console.warn(wasm().tenantLog('the totals were not told of the tenant', error, now));
    this.ctx.storage.transactionSync(() => wasm().tenantReported(this.#database, error === '', now));
  }

  #nextAlarm() {
    return this.#migrate() ? wasm().tenantNextAlarm(this.#database, this.env) : null;
  }

  /** Sees to what follows from a transaction that holds. */
  async #follow({ alarm, events, tenant, deliveries }) {
    if (events) this.#feedAll();
    await this.#setAlarm(alarm);
    if (deliveries.length > 0) await this.env.WEBHOOKS.sendBatch(deliveries.map((delivery) => ({ body: { tenant, delivery } })));
  }

  #setAlarm(at) {
    return typeof at === 'number' ? this.ctx.storage.setAlarm(at) : this.ctx.storage.deleteAlarm();
  }

  /** The time, ms since the epoch. Tests may send another. */
  #now(request) {
    const given = this.env.FF_TEST_CLOCK === '1' ? Number(request?.headers.get('X-Burgee-Test-Now') ?? Number.NaN) : Number.NaN;
    return Number.isFinite(given) ? given : Date.now();
  }
}

/** The answer to a request that took the instance, or storage, with it: the edge tells the caller. */
function lost(error) {
  if (error instanceof WebAssembly.RuntimeError) endAll();
  console.error(wasm().tenantLog('the request was lost', String(error), Date.now()));
  return new Response(null, { status: 500, headers: { 'X-Burgee-Lost': '1' } });
}
