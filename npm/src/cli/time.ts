/** Times as documents write them. */

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** A time in RFC 3339, or in milliseconds since the epoch, as the latter; nothing for what is no time. */
export function instant(text: string): number | undefined {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  const [, year, month, day] = RFC_3339.exec(text) ?? [];
  if (day === undefined) return undefined;
  // A day that a month does not have would be read as one of the next month.
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  const time = Date.parse(text.toUpperCase().replace(/(\.\d{3})\d+/, '$1'));
  return isDay && !Number.isNaN(time) ? time : undefined;
}

/** The last millisecond that a date can be of, and the first one with its sign turned. */
const LAST_DATE = 8.64e15;

/** Milliseconds since the epoch as people read them. */
export function timeText(milliseconds: number): string {
  return Math.abs(milliseconds) <= LAST_DATE ? new Date(milliseconds).toISOString() : `${milliseconds} ms since the epoch`;
}
