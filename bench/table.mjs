// What was measured, as text.

const TITLES = {
  native: { own: 'hand-written', title: 'Native Rust' },
  npm: { own: 'plain JS', title: 'The npm package' },
};

const SHAPES = {
  A: 'a static flag',
  B: 'a rule of two conditions and a rollout of 25 %',
  'all of 100': '100 flags like B for one context',
  'all of 1,000': '1,000 flags like B for one context',
  'load of 10,000': '10,000 flags like B, until the first answer',
};

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** With three digits that count, in the unit that needs no more before the point. */
function time(ns) {
  const [unit, value] = ns < 1e3 ? ['ns', ns] : ns < 1e6 ? ['µs', ns / 1e3] : ['ms', ns / 1e6];
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`;
}

const ratio = (value) => (value === undefined ? '' : value < 100 ? value.toFixed(2) : integer.format(value));

/** The row that another is compared with: the same shape, asked in the same style. */
function peer(results, { group, shape, style }, contestant) {
  return results.find((row) => row.group === group && row.shape === shape && row.style === style && row.contestant === contestant);
}

function over(results, row, contestant) {
  const other = peer(results, row, contestant);
  return other && row.ns.median / other.ns.median;
}

function lines(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const padded = (row) => row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])));
  return rows.map((row) => `  ${padded(row).join('  ').trimEnd()}`);
}

function section(results, group, shape) {
  const { own } = TITLES[group];
  const rows = results.filter((row) => row.group === group && row.shape === shape);
  const isCounted = rows.some(({ instructions }) => instructions !== undefined);
  const head = ['', '', 'median', 'min', '÷ burgee', `÷ ${own}`, ...(isCounted ? ['instructions'] : [])];
  const cells = rows.map((row) => [
    [row.contestant, row.version].filter(Boolean).join(' '),
    row.route ?? '',
    time(row.ns.median),
    time(row.ns.min),
    ratio(over(results, row, 'burgee')),
    ratio(over(results, row, own)),
    ...(isCounted ? [row.instructions === undefined ? '' : integer.format(row.instructions)] : []),
  ]);
  return [`${shape}: ${SHAPES[shape]}`, ...lines([head, ...cells])].join('\n');
}

// ---- At the edge -----------------------------------------------------------------------------------------------------

const EDGE = 'At the edge, on workerd';
const EDGE_SHAPES = {
  '1 at once': 'one connection, a request as soon as the last is answered',
  '8 at once': 'eight connections alike',
  'a new isolate': 'until it answers its first request, with 1,000 flags in KV, beside a warm one',
  'a new isolate, 10,000 flags': 'the same with 10,000 flags, and how long the process was on a CPU for it, its collector of garbage included',
};
const YARDSTICKS = { 'workers-rs': 'workers-rs', JS: 'JS', 'flags in module scope': 'plain JS' };

const edgeRow = (results, shape, route) => results.find((row) => row.group === 'edge' && row.shape === shape && row.route === route);

/** How many times the requests a second of another. */
function throughput(results, row, route) {
  const other = row && edgeRow(results, row.shape, route);
  return other && row.perSecond.median / other.perSecond.median;
}

function edgeSection(results, _, shape) {
  const rows = results.filter((row) => row.group === 'edge' && row.shape === shape);
  const name = ({ contestant, route }) => [contestant, route];
  const cells = rows[0].first && !rows[0].warm
    ? [
        ['', '', 'median', 'min', 'CPU', 'min'],
        ...rows.map((row) => [
          ...name(row),
          ...[row.first, row.cpu].flatMap((times) => (times ? [time(times.median), time(times.min)] : ['', ''])),
        ]),
      ]
    : rows[0].first
    ? [
        ['', '', 'median', 'min', 'warm'],
        ...rows.map((row) => [...name(row), time(row.first.median), time(row.first.min), time(row.warm.median)]),
      ]
    : [
        ['', '', 'requests/s', 'p50', 'p99', 'CPU each', ...Object.values(YARDSTICKS).map((yardstick) => `÷ ${yardstick}`)],
        ...rows.map((row) => [
          ...name(row),
          integer.format(row.perSecond.median),
          time(row.p50.median),
          time(row.p99.median),
          row.cpu ? time(row.cpu.median) : '',
          ...Object.keys(YARDSTICKS).map((route) => ratio(throughput(results, row, route))),
        ]),
      ];
  return [`${shape}: ${EDGE_SHAPES[shape]}`, ...lines(cells)].join('\n');
}

// ---- The control plane -------------------------------------------------------------------------------------------------

const CONTROL = 'A tenant of 10,000 flags, on workerd';
const LOAD = 'load';
const LOAD_WRITTEN = 'load, a write a second';
const CONTROL_SHAPES = {
  '10,000 flags': 'how long each takes, and how long the process was on a CPU for it',
  [LOAD]: 'requests of a steady rate, each timed from when it is due',
  [LOAD_WRITTEN]: 'the same by the isolate that carries a write each second, and so must read the snapshot anew each time',
};

function controlSection(results, _, shape) {
  const rows = results.filter((row) => row.group === 'control' && row.shape === shape);
  const cells = rows[0].rate
    ? [
        ['', '', 'requests/s', 'p50', 'p95', 'p99', 'CPU each'],
        ...rows.map(({ of, rate, perSecond, p50, p95, p99, cpu }) => [
          of,
          `${integer.format(rate)} a second`,
          integer.format(perSecond.median),
          ...[p50, p95, p99].map(({ median }) => time(median)),
          cpu ? time(cpu.median) : '',
        ]),
      ]
    : [
        ['', '', 'median', 'min', 'CPU', 'rounds'],
        ...rows.map(({ of, ms, cpu }) => [of, '', time(ms.median), time(ms.min), cpu ? time(cpu.median) : '', String(ms.rounds)]),
      ];
  return [`${shape}: ${CONTROL_SHAPES[shape]}`, ...lines(cells)].join('\n');
}

/** The worst of both routes at a rate without writes; none where the rate was not reached. */
function steadyRate(results, rate) {
  const rows = results.filter((row) => row.group === 'control' && row.shape === LOAD && row.rate === rate);
  if (!rows.length) return undefined;
  const reached = Math.min(...rows.map(({ perSecond }) => perSecond.median));
  const p95 = Math.max(...rows.map(({ p95 }) => p95.median));
  return { text: `${time(p95)}${reached < 0.98 * rate ? ` (${integer.format(reached)}/s reached)` : ''}` };
}

// ---- All of it -------------------------------------------------------------------------------------------------------

/** What burgee sets out to reach, and what this run says of it. Nothing fails by it: machines differ. */
function goals(results) {
  const find = (group, shape, style, contestant = 'burgee') => peer(results, { group, shape, style }, contestant);
  const goal = (what, value, bound, atLeast = false) => value && [what, value.text, `${atLeast ? 'at least' : 'at most'} ${bound}`];
  const quotient = (row, other) => row && other && { text: ratio(row.ns.median / other.ns.median) };
  const duration = (row) => row && { text: time(row.ns.median) };
  const least = (group, shape) => {
    const peers = results.filter((row) => row.group === group && row.shape === shape && row.version !== undefined);
    const ratios = peers.map((row) => over(results, row, 'burgee')).filter((value) => value !== undefined);
    return ratios.length ? { text: ratio(Math.min(...ratios)) } : undefined;
  };
  const evaluation = (shape) => edgeRow(results, shape, 'GET /api/flags/eval');
  // In the form in which tenants' objects publish it.
  const first = edgeRow(results, 'a new isolate', 'packed')?.first;
  const [packed, bare] = ['packed', 'GET /healthz'].map((route) => edgeRow(results, 'a new isolate, 10,000 flags', route)?.cpu?.median);
  const loadCpu = packed && bare && packed - bare;
  const list = [
    ...['A', 'B'].flatMap((shape) =>
      ['handle', 'key'].map((style) =>
        goal(`native ${shape} by ${style} ÷ hand-written`, quotient(find('native', shape, style), find('native', shape, style, 'hand-written')), '1.3'),
      ),
    ),
    ...Object.entries({ handle: '65 ns', key: '80 ns', fresh: '120 ns' }).flatMap(([style, bound]) => [
      goal(`npm B, ${style}`, duration(find('npm', 'B', style)), bound),
      goal(`npm B, ${style} ÷ plain JS`, quotient(find('npm', 'B', style), find('npm', 'B', style, 'plain JS')), '1'),
    ]),
    goal('npm all of 1,000 ÷ plain JS', quotient(find('npm', 'all of 1,000', 'key'), find('npm', 'all of 1,000', 'key', 'plain JS')), '0.6'),
    goal('npm B, the fastest peer ÷ burgee', least('npm', 'B'), '10', true),
    ...['1 at once', '8 at once'].map((shape) => {
      const value = throughput(results, evaluation(shape), 'workers-rs');
      return goal(`edge ${shape}, requests/s ÷ workers-rs's hello-world`, value && { text: ratio(value) }, '0.9', true);
    }),
    goal('edge, the first answer of a new isolate', first && { text: time(first.median) }, '15 ms'),
    goal('edge, CPU to load 10,000 packed flags', loadCpu && { text: time(loadCpu) }, '10 ms'),
    ...[500, 5_000].map((rate) => goal(`control, p95 at ${integer.format(rate)} a second`, steadyRate(results, rate), '20 ms')),
  ].filter(Boolean);
  return list.length ? ['Goals', ...lines(list)].join('\n') : '';
}

const SECTIONS = { edge: edgeSection, control: controlSection };

export function render({ machine, results, notes }) {
  const { cpu, load, node, rustc } = machine;
  const groups = Object.entries({ ...TITLES, edge: { title: EDGE }, control: { title: CONTROL } })
    .map(([group, { title }]) => ({ group, title, rows: results.filter((row) => row.group === group) }))
    .filter(({ rows }) => rows.length)
    .map(({ group, title, rows }) => {
      const shapes = [...new Set(rows.map(({ shape }) => shape))];
      const sections = shapes.map((shape) => (SECTIONS[group] ?? section)(results, group, shape));
      return [title, '='.repeat(title.length), '', sections.join('\n\n')].join('\n');
    });
  const head = `${cpu}, load ${load} before; Node ${node}, rustc ${rustc}\nA ratio compares the same style: flag handles, look-ups by key with a kept context, or fresh contexts.`;
  return ['', head, ...groups, goals(results), ...notes].filter((part, index) => index === 0 || part).join('\n\n');
}
