// The built objects, with a way into its tables for tests: the rows that migrations must bring along, statements that must be refused.

import { DurableObject } from 'cloudflare:workers';
import entry, { Meter, Tenant as Real } from '../../objects/build/index.js';

export { Meter };

export class Tenant extends DurableObject {
  #real;

  /** It begins with the first request, so that a test can put rows there before. */
  get #object() {
    return (this.#real ??= new Real(this.ctx, this.env));
  }

  async fetch(request) {
    const { hostname, search } = new URL(request.url);
    if (hostname !== 'probe') return this.#object.fetch(request);
    if (search === '?evict') {
      this.ctx.abort('the test ends it');
      return new Response(null);
    }
    try {
      let rows = [];
      // Not SQL, and yet asked for as rows: the sockets of streams that stand open.
      const statements = await request.json();
      if (statements[0] === 'sockets') return Response.json([{ n: this.ctx.getWebSockets().length }]);
      for (const statement of statements) rows = this.ctx.storage.sql.exec(statement).toArray();
      return Response.json(rows);
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  }

  alarm() {
    return this.#object.alarm();
  }

  webSocketMessage(...args) {
    return this.#object.webSocketMessage(...args);
  }

  webSocketClose(...args) {
    return this.#object.webSocketClose(...args);
  }
}

export default {
  ...entry,
  fetch(request, env) {
    const { hostname, pathname, search } = new URL(request.url);
    // What the edge asks of an object, as it asks.
    const [, tenant, path] = (hostname === 'direct' && /^\/([^/]+)(\/.*)$/.exec(pathname)) || [];
    if (tenant) return env.PROBED.get(env.PROBED.idFromName(tenant)).fetch(`http://internal${path}${search}`);
    return env.PROBED.get(env.PROBED.idFromName(pathname.slice(1))).fetch(request);
  },
};
