/** `burgee simulate`. */

import { type Command, FINE, FOUND, JSON_OUTPUT, type Line } from './command.js';
import { WrongUse } from './failure.js';
import { ABOUT_SNAPSHOT, Inputs, SNAPSHOT, originOf } from './input.js';
import { ABOUT_CONTEXT, REQUEST, compile, complainOf, readRequest } from './request.js';
import { Moves, Tally } from './tally.js';
import { grouped, plain, plural } from './terminal.js';

/** How many there are unless a line says otherwise: shares are then right to about one percent. */
const USERS = 10_000;

/** The most that there may be: they are evaluated one by one, in some seconds. */
const MOST_USERS = 10_000_000;

export const simulate: Command = {
  name: 'simulate',
  takes: '<snapshot> <flag> [options]',
  about: 'show who would be served what, for many users',
  more:
    `${ABOUT_SNAPSHOT}\n\n` +
    'The flag is evaluated for users that are made up, user-1, user-2 and so on, or for those of --ids, all with\n' +
    `the same context but for their id.\n\n${ABOUT_CONTEXT}`,
  options: {
    users: { value: 'N', about: `how many users to make up; ${grouped(USERS)} when left out` },
    'id-prefix': { value: 'TEXT', about: 'what the ids that are made up begin with; user- when left out' },
    ids: { value: 'FILE|-', about: 'take the ids from a file instead, one a line' },
    unit: { value: 'ATTRIBUTE', about: 'the attribute that has the id; user_id when left out' },
    compare: { value: 'SNAPSHOT', about: 'show also what another snapshot serves them, and how many would change' },
    list: { value: 'VARIANT', about: 'list also the ids of those who are served this variant' },
    ...REQUEST,
    ...SNAPSHOT,
    ...JSON_OUTPUT,
  },
  examples: [
    'simulate flags.json checkout.v2',
    'simulate flags.json checkout.v2 --users 100000 --attr country=CA',
    'simulate flags.json checkout.v2 --unit company_id --id-prefix acme-',
    'simulate flags.json checkout.v2 --compare flags.next.json --json',
    'simulate flags.json checkout.v2 --ids ids.txt --list on',
  ],
  async run(line, terminal) {
    const [from, flag, ...rest] = line.operands;
    if (from === undefined || flag === undefined || rest.length > 0) throw new WrongUse('it needs a snapshot and the key of a flag');
    const inputs = new Inputs();
    const headers = line.list('header');
    const otherFrom = line.text('compare');
    const originOfOther = otherFrom === undefined ? undefined : originOf(otherFrom);
    // What is sent to one server is not for another one. Where only the other snapshot has a server, it is for that.
    const isOnlyForOther = originOf(from) === undefined && originOfOther !== undefined;
    const isForOther = isOnlyForOther || originOf(from) === originOfOther;
    const document = await inputs.snapshot(from, isOnlyForOther ? [] : headers);
    const snapshot = compile(document);
    const other = otherFrom === undefined ? undefined : await inputs.snapshot(otherFrom, isForOther ? headers : []);
    const asked = await readRequest(line, inputs);
    const unit = line.text('unit') ?? 'user_id';
    if (unit === 'user_id' && line.text('user') !== undefined) {
      throw new WrongUse('--user is what is simulated, unless --unit names another attribute');
    }
    const ids = await readIds(line, inputs);

    const before = new Tally(flag, snapshot, document);
    const after = other === undefined ? undefined : new Tally(flag, compile(other), other);
    const moves = new Moves();
    const wanted = line.text('list');
    if (wanted !== undefined && !before.variants.includes(wanted)) {
      throw new WrongUse(`--list must be a variant of the flag: ${before.variants.map(plain).join(', ')}`);
    }
    const listed: string[] = [];
    for (const id of ids) {
      const served = before.add(unit, id, asked);
      if (served.variant === wanted) listed.push(id);
      if (after !== undefined) moves.add(served, after.add(unit, id, asked));
    }

    if (line.has('json')) {
      terminal.printJson({
        flag,
        unit,
        users: before.total,
        ...before.summary(),
        ...(after === undefined ? {} : { compare: { ...after.summary(), changed: moves.summary(before.total) } }),
        ...(wanted === undefined ? {} : { list: { variant: wanted, ids: listed } }),
      });
    } else {
      const title = `${terminal.paint('bold', plain(flag))} for ${plural(before.total, 'user')}, by ${plain(unit)}`;
      terminal.print([title, '', ...before.chart(terminal)]);
      if (after !== undefined) {
        const compared = terminal.paint('bold', 'compared with the other snapshot');
        terminal.print(['', compared, '', ...after.chart(terminal), '', ...moves.chart(before.total, terminal)]);
      }
      if (wanted !== undefined) terminal.print(['', ...listed.map(plain)]);
    }
    for (const attribute of before.isWithoutUnit ? before.units : []) {
      if (attribute !== unit) terminal.complain('hint', `the flag buckets by ${plain(attribute)}: --unit ${plain(attribute)}`);
    }
    const unknown = [snapshot, ...(after === undefined ? [] : [after.snapshot])].map((one) => complainOf([flag], one, terminal));
    return unknown.includes(true) ? FOUND : FINE;
  },
};

async function readIds(line: Line, inputs: Inputs): Promise<Iterable<string>> {
  const users = line.whole('users', 1, MOST_USERS);
  const prefix = line.text('id-prefix');
  const from = line.text('ids');
  if (from === undefined) return madeUp(prefix ?? 'user-', users ?? USERS);
  if (users !== undefined || prefix !== undefined) throw new WrongUse('--ids is instead of --users and --id-prefix');
  const ids = (await inputs.text(from, 'the ids')).split(/\r?\n/).filter((id) => id !== '');
  if (ids.length === 0) throw new WrongUse('--ids has no ids in it');
  return ids;
}

function* madeUp(prefix: string, users: number): Iterable<string> {
  for (let number = 1; number <= users; number++) yield prefix + number;
}
