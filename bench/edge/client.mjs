// Sends requests over connections that are kept, each as soon as the last is answered or at a steady rate, and says how long each took. A process of its own,
// and no more of HTTP than is needed here: at one connection, what the client takes is time in which the Worker waits.
import { connect } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;

/** How long the answer at the beginning of `bytes` is; none where its head has not come whole. */
function answerLength(bytes) {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const head = bytes.latin1Slice(0, end + 2);
  const length = CONTENT_LENGTH.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) throw new Error(`an answer that is not due: ${head}`);
  return end + HEAD_END.length + Number(length);
}

function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject).once('connect', () => resolve(socket));
  });
}

/** When a connection's requests are due, each as soon as the last is answered, and one at least; none where there are no more. */
function inTurn(until) {
  let isFirst = true;
  return () => {
    const now = performance.now();
    const isDue = isFirst || now < until;
    isFirst = false;
    return isDue ? now : undefined;
  };
}

/** When the requests of all connections together are due, at a steady rate, whatever becomes of those before. */
function steadily(rate, began, ms) {
  let count = 0;
  const all = Math.max(1, Math.round((ms * rate) / 1000));
  return () => (count < all ? began + (count++ * 1000) / rate : undefined);
}

/**
 * Asks on one connection as long as `next` says when, beginning with the given one of the requests. What goes to `times` is how long after it was due
 * each was answered: a request that had to wait for a connection has waited.
 */
function ask(socket, requests, first, next, times) {
  return new Promise((resolve, reject) => {
    let which = first;
    let from = 0;
    let pending;
    let due;
    const send = () => {
      const when = next();
      if (when === undefined) {
        socket.removeAllListeners();
        return resolve();
      }
      from = when;
      write();
    };
    // A timer has whole milliseconds, and may go off before its time: it is never asked too early, and up to a millisecond late.
    const write = () => {
      const wait = from - performance.now();
      if (wait > 0) setTimeout(write, Math.ceil(wait));
      else socket.write(requests[which++ % requests.length]);
    };
    const fail = (error) => reject(error ?? new Error('the connection was closed'));
    socket.once('error', fail).once('close', fail);
    socket.on('data', (chunk) => {
      try {
        pending = pending ? Buffer.concat([pending, chunk]) : chunk;
        due ??= answerLength(pending);
        if (due === undefined || pending.length < due) return;
        if (pending.length > due) throw new Error('more was answered than was asked');
        times.push(performance.now() - from);
        pending = due = undefined;
        send();
      } catch (error) {
        fail(error);
      }
    });
    send();
  });
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

async function run({ port, requests, connections, ms, rate }) {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const texts = requests.map((request) => Buffer.from(request));
  const times = [];
  const began = performance.now();
  const steady = rate && steadily(rate, began, ms);
  await Promise.all(sockets.map((socket, index) => ask(socket, texts, index, steady ?? inTurn(began + ms), times)));
  const took = performance.now() - began;
  for (const socket of sockets) socket.destroy();
  times.sort((a, b) => a - b);
  return { count: times.length, ms: took, p50: at(times, 0.5), p95: at(times, 0.95), p99: at(times, 0.99) };
}

process.on('message', async (task) => {
  try {
    process.send(await run(task));
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.on('disconnect', () => process.exit());
