// Stands where a KV namespace does, and speaks to workerd as one: it holds one snapshot. What it takes is the same for all who ask it.
export default {
  fetch: (request, { KEY, DOCUMENT }) => {
    const { pathname } = new URL(request.url);
    return decodeURIComponent(pathname.slice(1)) === KEY ? new Response(DOCUMENT) : new Response(null, { status: 404 });
  },
};
