// The way to the object that keeps the sums of all isolates.

/** How long the object may take, in milliseconds. With the waits, all tries end within the 30 s that the platform gives work after an answer. */
const WITHIN_MS = 3_000;

/** The one object that keeps the sums. */
const NAME = 'total';

/** What the object answers; it rejects where that takes too long. */
export async function meterOf({ METER: namespace }, ask) {
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
