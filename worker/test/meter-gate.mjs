// Stands between the Worker and its meter, on the same runtime: can keep deltas from it, or its answers from the Worker.
import { DurableObject } from 'cloudflare:workers';

export class Gate extends DurableObject {
  async #pass(ask) {
    const mode = await this.env.CONTROL.get('mode');
    if (mode === 'failing') throw new Error('the gate fails');
    const answer = await ask(this.env.REAL.getByName('total'));
    if (mode === 'deaf') throw new Error('the gate heard no answer');
    return answer;
  }

  async take(delta) {
    await this.env.CONTROL.put('asked', String(1 + Number((await this.env.CONTROL.get('asked')) ?? 0)));
    return this.#pass((meter) => meter.take(delta));
  }

  report(report) {
    return this.#pass((meter) => meter.report(report));
  }

  text() {
    return this.#pass((meter) => meter.text());
  }
}

export default { fetch: () => new Response('the gate') };
