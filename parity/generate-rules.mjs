// Draws segments, rules, and prerequisites of all shapes.

const SEGMENT_KEYS = ['beta', 'staff', 's.1', '__proto__', 'constructor', 's'.repeat(128)];
const RULE_IDS = ['r1', 'r2', 'r3', 'r4', 'a/b', 'caf\u00e9', '__proto__', ' ', '\u{1f600}'.repeat(128)];
const ORDERS = [0, 1, -1, 2, 10, 2 ** 53 - 1, -(2 ** 53 - 1), null];

export const drawSegment = (drawer, key) => {
  const { random, conditions } = drawer;
  const segment = { key };
  const ids = () => random.sample([...drawer.ids, ''], random.between(0, 2));
  if (random.chance(0.3)) segment.name = random.pick(['', 'the ones in front', null]);
  if (random.chance(0.75)) segment[random.pick(['conditions', 'conditions', 'criteria'])] = conditions.condition();
  if (random.chance(0.4)) segment.include = random.chance(0.9) ? ids() : null;
  if (random.chance(0.3)) segment.exclude = random.chance(0.9) ? ids() : null;
  return segment;
};

export const drawSegmentKeys = (random) => (random.chance(0.5) ? random.sample(SEGMENT_KEYS, random.between(1, 3)) : []);

function percentage(random) {
  return random.weighted([
    [4, () => random.between(1, 99)],
    [2, () => random.unit() * 100],
    [1, 0],
    [1, 100],
    [1, () => random.pick([0.001, 99.999, 5e-324, 33.333333333333336, 50])],
  ]);
}

/** Rules of a flag whose variants have these names. */
export function drawRules(drawer, names, attributes, salts) {
  const { random } = drawer;
  const ids = random.sample(RULE_IDS, random.between(1, 5));
  return ids.map((id) => {
    const rule = { id };
    const maybe = (probability, name, draw) => {
      if (random.chance(probability)) rule[name] = draw();
    };
    maybe(0.1, 'description', () => random.pick(['', 'who', null]));
    maybe(0.3, 'order', () => random.pick(ORDERS));
    maybe(0.9, 'when', () => (random.chance(0.05) ? null : drawer.conditions.condition(drawer.segmentKeys)));
    if (random.chance(0.35)) {
      const share = percentage(random);
      if (rule.when && random.chance(0.4)) rule.when.percentage = share;
      else if (!rule.when && random.chance(0.3)) rule.when = { percentage: share };
      else rule.percentage = share;
    }
    if (rule.when?.percentage === undefined) maybe(0.03, 'percentage', () => rule.percentage ?? null);
    maybe(0.2, 'bucket_by', () => random.pick([...attributes, null]));
    maybe(0.2, 'salt', () => random.pick([...salts, null]));
    rule[random.chance(0.8) ? 'serve' : 'rollout'] = drawer.serve(names, 0.6);
    return rule;
  });
}

// ---- Prerequisites ---------------------------------------------------------------------------------------------------

/** Gives some flags prerequisites. `flags` are in the order of the document, and `names` what variants each has. */
export function attachPrerequisites(flags, names, drawer) {
  const { random } = drawer;
  if (!random.chance(0.45)) return;
  // Downwards there is no cycle; else there may be one.
  const isDownwards = random.chance(0.6);
  flags.forEach((flag, i) => {
    if (!random.chance(0.6)) return;
    const keys = flags.map(({ key }) => key).filter((_, at) => !isDownwards || at < i);
    if (random.chance(0.06)) keys.push('no.such');
    if (keys.length === 0) return;
    flag.prerequisites = random.list(1, 3, () => {
      const key = random.pick(keys);
      const variants = names.get(key) ?? ['on'];
      return { flag: key, variants: random.sample([...variants, ...variants, 'on', 'no-such'], random.between(1, 4)) };
    });
  });
}

const KEYS = (count) => Array.from({ length: count }, (_, i) => `p.${i}`);
const ON = (flag) => ({ flag, variants: ['on'] });

// Boolean flags of a shape that few draws would have.
const SHAPES = {
  // Each names the one behind it. Sixteen may lie on one another.
  chain: (random) => {
    const keys = KEYS(random.between(14, 19));
    return keys.map((key, i) => ({ key, ...(i + 1 < keys.length && { prerequisites: [ON(keys[i + 1])] }) }));
  },
  // Each names the next one twice over: 1, 3, 7, … walks.
  ladder: (random) => {
    const keys = KEYS(random.between(6, 10));
    return keys.map((key, i) => ({ key, ...(i + 1 < keys.length && { prerequisites: [ON(keys[i + 1]), ON(keys[i + 1])] }) }));
  },
  // Two ways to the same flag.
  diamond: () => [
    { key: 'p.0', prerequisites: [ON('p.1'), ON('p.2')] }, { key: 'p.1', prerequisites: [ON('p.3')] },
    { key: 'p.2', prerequisites: [ON('p.3')] }, { key: 'p.3' },
  ],
  // A hundred walks each, of which two fit and three do not; and 255 or 256 beside the flag itself.
  fan: (random) => {
    const many = (flag, count) => Array.from({ length: count }, () => ON(flag));
    const rest = random.pick([52, 53, 54]);
    return [
      { key: 'p.0', prerequisites: many('p.2', random.pick([2, 3])) },
      { key: 'p.1', prerequisites: [...many('p.2', 2), ...many('p.3', rest)] },
      { key: 'p.2', prerequisites: many('p.3', 100) },
      { key: 'p.3' },
      // Of a flag past the limit, one walk counts.
      { key: 'p.4', prerequisites: [ON('p.0'), ON('p.1')] },
    ];
  },
  cycle: (random) => {
    const length = random.between(1, 4);
    const ring = KEYS(length).map((key, i) => ({ key, prerequisites: [ON(`p.${(i + 1) % length}`)] }));
    // These reach it, and are not on it.
    return [...ring, { key: 'q.0', prerequisites: [ON('q.2'), ON('q.1')] }, { key: 'q.1', prerequisites: [ON('p.0')] }, { key: 'q.2' }];
  },
  unknown: (random) => [
    { key: 'p.0', prerequisites: [ON('p.1'), ON('no.such'), ON('p.1'), ON('no.such.2')] },
    { key: 'p.1', prerequisites: random.pick([[], [ON('p.0')]]) },
  ],
  // One at fault, and one that is as if it were not there.
  bad: () => [
    { key: 'p.0', prerequisites: [ON('p.1')] }, { key: 'p.1', state: 'ON', prerequisites: [ON('p.0')] },
    { key: 'p.2', prerequisites: [ON('p.3')] }, { key: 'p.3', state: 'archived' },
  ],
};

/** Flags of one of the shapes, in any order, of which one may differ. */
export function drawShape(random) {
  const flags = SHAPES[random.pick(Object.keys(SHAPES))](random);
  if (random.chance(0.3)) Object.assign(random.pick(flags), random.pick([{ state: 'off' }, { rollout_stage: 'draft' }, { default_variant: 'off' }]));
  if (random.chance(0.2)) {
    const { prerequisites } = random.pick(flags);
    if (prerequisites?.length > 0) random.pick(prerequisites).variants = random.pick([['off'], ['on', 'off'], ['none']]);
  }
  return random.chance(0.5) ? random.sample(flags, flags.length) : flags;
}
