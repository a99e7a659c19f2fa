// Runs the vectors against anything that evaluates. No Node APIs: a page may import it too.
//
// A target is `{evaluate, evaluateBatch, hashBucket}` as the npm package and the oracle have them, possibly async. One
// that has no `hashBucket` has `bucketAsUser(text)` instead: the bucket of the user of that id on syn.staged_25, or
// REFUSED. One that is asked over a network, by nobody in particular, has `isService`. One that says what it thinks of a registry has `warningsOf(registry)`. One that does not take every request has
// `refuses(request)`, and answers those with REFUSED. One that can be asked for a single decision in several ways has
// `ways(registry, request)`: a list of `{way, evaluate}`. An error with `isFatal` ends the run, any other is a failure of the vector it came from.
import { differences, show } from './compare.mjs';

export const EXPECTED = { real: 11, synthetic: 8 };
export const EXPECTED_RULES = 203;

// What a target says of a request that it does not take: one without a user, or with an id that no user can have.
export const REFUSED = 'refused as an invalid request';

const STAGED_FLAG = 'syn.staged_25';
const KNOWN_USER = 'bucket-low-1';
export const KNOWN_INPUT = `${KNOWN_USER}|${STAGED_FLAG}`;

// Long inputs are written as `{repeat, times}`.
export const inputOf = (written) => (typeof written === 'string' ? written : written.repeat.repeat(written.times));

/**
 * Runs the examples, the hashes and, where they are given, the rules; the registry of these is `registries.rules`.
 *
 * @returns `{ok, counts, hash, idempotency, examples, rules?}`; the last four are `{passed, failed, failures}`, a failure
 * being `{name, pointer, expected, got}` or `{name, message}`, and `counts` is a list of messages on files that do not
 * hold what they should.
 */
export async function runVectors({ examples, hash, rules, registries, target }) {
  const result = {
    counts: countFaults(examples, hash, rules),
    hash: await runAll(hash, (vector) => checkHash(vector, target)),
    idempotency: await runAll(examples, (example) => checkIdempotency(example, registries, target)),
    examples: await runAll(examples, (example) => checkExample(example, registries, target)),
  };
  if (rules) result.rules = await runRules(rules, registries, target);
  result.hash.known = await settle(() => (target.hashBucket ? target.hashBucket(KNOWN_INPUT) : target.bucketAsUser(KNOWN_USER)));
  const files = [['hash', hash], ['idempotency', examples], ['examples', examples], ...(rules ? [['rules', rules.cases]] : [])];
  for (const [name, held] of files) {
    const ran = result[name].passed + result[name].failed;
    if (ran !== held.length) result.counts.push(`${name}: ${ran} ran, the file holds ${held.length}`);
  }
  result.ok = result.counts.length === 0 && files.every(([name]) => result[name].failed === 0);
  return result;
}

async function runRules({ cases, warnings }, registries, target) {
  const outcome = await runAll(cases, (one) => checkExample({ ...one, registry: 'rules' }, registries, target));
  const said = await target.warningsOf?.(registries.rules);
  const failures = said ? differences(warnings, said.map(({ code, pointer }) => ({ code, pointer }))) : [];
  outcome.failures.push(...failures.map((failure) => ({ name: 'warnings', ...failure })));
  // They are no case of their own, and fail as one.
  outcome.failed += failures.length > 0 ? 1 : 0;
  outcome.passed -= failures.length > 0 && outcome.passed > 0 ? 1 : 0;
  return outcome;
}

function countFaults(examples, hash, rules) {
  const faults = [];
  for (const [registry, count] of Object.entries(EXPECTED)) {
    const held = examples.filter((example) => example.registry === registry).length;
    if (held !== count) faults.push(`examples.json holds ${held} ${registry} examples, and should hold ${count}`);
  }
  const total = EXPECTED.real + EXPECTED.synthetic;
  if (examples.length !== total) faults.push(`examples.json holds ${examples.length} examples, and should hold ${total}`);
  const cases = rules?.cases ?? [];
  if (rules && cases.length !== EXPECTED_RULES) faults.push(`rules.json holds ${cases.length} cases, and should hold ${EXPECTED_RULES}`);
  for (const [file, vectors] of [['examples.json', examples], ['hash.json', hash], ['rules.json', cases]]) {
    const names = new Set(vectors.map((vector) => vector.name));
    if (names.size !== vectors.length) faults.push(`${file} holds two vectors of the same name`);
  }
  if (!hash.some((vector) => vector.input === KNOWN_INPUT)) faults.push(`hash.json does not hold ${KNOWN_INPUT}`);
  return faults;
}

// Every vector runs, whatever became of the ones before it.
async function runAll(vectors, check) {
  const outcome = { passed: 0, failed: 0, failures: [] };
  for (const vector of vectors) {
    let failures;
    try {
      failures = await check(vector);
    } catch (error) {
      if (error.isFatal) throw error;
      failures = [{ message: describe(error) }];
    }
    if (failures.length === 0) outcome.passed += 1;
    else outcome.failed += 1;
    outcome.failures.push(...failures.map((failure) => ({ name: vector.name, ...failure })));
  }
  return outcome;
}

const describe = (error) => (error instanceof Error ? error.message : `threw ${show(error)}`);

async function settle(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error.isFatal) throw error;
    return 'no answer';
  }
}

async function checkHash(vector, target) {
  const input = inputOf(vector.input);
  if (target.hashBucket) {
    return [
      ...differences(vector.bucket, await target.hashBucket(input), '/bucket'),
      ...differences(vector.bucket_as_user, await target.hashBucket(`${input}|${STAGED_FLAG}`), '/bucket_as_user'),
    ];
  }
  const isNobody = input === '' || /[\ud800-\udfff]/u.test(input);
  return differences(isNobody ? REFUSED : vector.bucket_as_user, await target.bucketAsUser(input), '/bucket_as_user');
}

const registryOf = (example, registries) => {
  const registry = registries[example.registry];
  if (!registry) throw new Error(`there is no registry ${show(example.registry)}`);
  return registry;
};

// A service that has not verified who asks says less of sensitive flags than whoever holds the registry finds in it.
const expectedOf = ({ expect, expect_of_a_service: ofService }, { isService }) => (isService && ofService) || expect;

async function checkExample(example, registries, target) {
  const registry = registryOf(example, registries);
  const ways = target.ways?.(registry, example.request) ?? [{ evaluate: target.evaluate }];
  const failures = [];
  for (const { way, evaluate } of ways) {
    const label = way ? { way } : {};
    const decision = await evaluate(registry, example.request);
    const expected = target.refuses?.(example.request) ? REFUSED : expectedOf(example, target);
    failures.push(...differences(expected, decision).map((difference) => ({ ...difference, ...label })));
  }
  return failures;
}

// The same question has the same answer, however often and in whichever form, and asking changes nothing.
async function checkIdempotency(example, registries, target) {
  const registry = registryOf(example, registries);
  const { key, ...rest } = example.request;
  const batch = { ...rest, flags: [key, key] };
  const written = JSON.stringify([registry, example.request, batch]);

  const once = await target.evaluate(registry, example.request);
  const onceWritten = JSON.stringify(once);
  const twice = await target.evaluate(registry, example.request);
  const batched = await target.evaluateBatch(registry, batch);

  const failures = [
    ...differences(once, twice).map((difference) => ({ ...difference, way: 'asked again' })),
    ...differences([once, once], batched).map((difference) => ({ ...difference, way: 'as a batch' })),
  ];
  if (JSON.stringify([registry, example.request, batch]) !== written) {
    failures.push({ message: 'the registry or the request was changed by evaluating' });
  }
  if (JSON.stringify(once) !== onceWritten) failures.push({ message: 'an answer was changed by asking again' });
  return failures;
}
