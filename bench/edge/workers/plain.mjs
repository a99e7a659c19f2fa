// What an application would write for itself: flags in module scope, read from KV once, and an envelope such as burgee's around the answer.
import { PlainSnapshot } from './evaluator.mjs';

let reading;

const read = async ({ FLAGS, TENANT }) => new PlainSnapshot(await FLAGS.get(`snapshot:${TENANT}`));

export default {
  async fetch(request, env) {
    const snapshot = await (reading ??= read(env));
    const query = new URL(request.url).searchParams;
    const [key, user_id] = [query.get('key'), query.get('user')];
    if (!key || !user_id) return Response.json({ ok: false, error: { code: 'invalid_request' } }, { status: 400 });
    const request_id = request.headers.get('X-Request-Id') ?? crypto.randomUUID();
    const decision = snapshot.evaluate(key, { user_id, tier: query.get('tier'), role_key: query.get('role_key') });
    const body = {
      ok: true,
      data: { flag_key: key, enabled: decision.value === true, ...decision, meta: { backing_state: 'kv_backed', warnings: [] } },
      error: null,
      service: { service_version: '0.1.0', request_id },
    };
    return Response.json(body, { headers: { 'Cache-Control': 'no-store', 'X-Request-Id': request_id } });
  },
};
