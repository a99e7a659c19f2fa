// The least that a Worker in JavaScript can be.
export default {
  fetch: () => new Response('Hello, World!'),
};
