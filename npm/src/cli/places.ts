/** What a pointer into a document is about, as people call it. */

const LISTS: Record<string, string> = { flags: 'flag', segments: 'segment', overrides: 'override', kill_switches: 'kill switch' };

/** The keys of a document's entries by their pointers, also of those that are at fault: `/flags/0` → `flag checkout.v2`. */
export function keysByPlace(document: Uint8Array): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  let whole: unknown;
  try {
    whole = JSON.parse(new TextDecoder().decode(document));
  } catch {
    // What is nested too deeply for this engine's JSON can be read by the evaluator.
    return keys;
  }
  for (const [list, noun] of Object.entries(LISTS)) {
    const entries = (whole as Record<string, unknown> | null)?.[list];
    if (!Array.isArray(entries)) continue;
    for (const [index, entry] of entries.entries()) {
      // Of an override it is the flag that tells it from others, and not whose it is.
      const key = entry?.key ?? entry?.flag ?? entry?.category;
      if (typeof key === 'string') keys.set(`/${list}/${index}`, `${noun} ${key}`);
    }
  }
  return keys;
}

/** The entry that a pointer is about, or the whole document. */
export function placeOf(pointer: string, keys: ReadonlyMap<string, string>): string {
  const [, list, index] = pointer.split('/');
  if (list === undefined || index === undefined || !Object.hasOwn(LISTS, list)) return 'the document';
  return keys.get(`/${list}/${index}`) ?? `${LISTS[list]} ${index}`;
}
