// Stands where a KV namespace does, and speaks to workerd as one. It keeps what was written last in memory, and says when that was.
let value = null;
let at = 0;

export default {
  async fetch(request) {
    if (request.method === 'PUT') {
      value = await request.arrayBuffer();
      at = Date.now();
      return new Response(null, { status: 200 });
    }
    // `/written` is the benchmark's own question: when, and how many bytes.
    if (new URL(request.url).pathname === '/written') return Response.json({ at, bytes: value?.byteLength ?? 0 });
    return value === null ? new Response(null, { status: 404 }) : new Response(value);
  },
};
