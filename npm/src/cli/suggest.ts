/** What somebody may have meant. */

/** The name that is nearest to a misspelt one, if it is near: at most a third of its letters differ. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.floor(name.length / 3) + 1;
  for (const candidate of names) {
    const differing = distance(name.toLowerCase(), candidate.toLowerCase(), least);
    if (differing < least) [best, least] = [candidate, differing];
  }
  return best;
}

/** How many letters must be changed, added or left out to get from one text to the other; `most` stands for that many and more. */
function distance(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) >= most) return most;
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return Math.min(row[to.length]!, most);
}
