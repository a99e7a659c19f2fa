// Where searching starts from: the parity vectors, cut into small inputs, beside what is in seeds/. They are written when they are needed,
// so that a new vector is a new start.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const VECTORS = new URL('../parity/vectors/', import.meta.url);
const vector = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, VECTORS), 'utf8'));

/** Small documents: each flag with the segments, rows and switches that concern it, and the flags that it needs. */
function* documents(registry) {
  const { flags, segments = [], overrides = [], kill_switches = [], ...frame } = registry;
  for (const flag of flags) {
    const text = JSON.stringify(flag);
    const needed = flags.filter(({ key }) => (flag?.prerequisites ?? []).some((prerequisite) => prerequisite?.flag === key));
    yield {
      ...frame,
      segments: segments.filter((segment) => text.includes(`"${segment?.key}"`)),
      flags: [flag, ...needed],
      overrides: overrides.filter((row) => row?.flag === flag?.key).slice(0, 4),
      kill_switches: kill_switches.filter((entry) => entry?.category === flag?.kill_switch || entry?.category === '*'),
    };
  }
}

const contextOf = ({ request, context }) => context ?? request?.context ?? {};

function* inputs(target) {
  const { registry: rules, cases } = vector('rules');
  switch (target) {
    case 'snapshot':
    case 'packed':
      for (const registry of [vector('registry'), vector('synthetic'), rules]) {
        for (const document of documents(registry)) yield JSON.stringify(document);
      }
      break;
    case 'context':
      for (const one of cases) yield JSON.stringify(contextOf(one));
      break;
    case 'ofrep':
      for (const one of cases) {
        const { user_id, ...context } = contextOf(one);
        yield `compared\n${JSON.stringify({ context: { targetingKey: user_id, ...context } })}`;
      }
      break;
    case 'pattern':
      for (const [, pattern] of JSON.stringify(rules).matchAll(/"op":"matches","value":("(?:[^"\\]|\\.)*")/g)) {
        yield Buffer.concat([Buffer.from(JSON.parse(pattern)), Buffer.from([0xff]), Buffer.from('abc 123 xx\n')]);
      }
      break;
    default:
    // Conditions are drawn from bytes, which no vector has.
  }
}

/** Writes a target's inputs into a folder, and gives their number. */
export function writeSeeds(target, folder) {
  mkdirSync(folder, { recursive: true });
  let count = 0;
  for (const input of inputs(target)) writeFileSync(join(folder, `vector-${count++}`), input);
  return count;
}
