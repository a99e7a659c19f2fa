// What the other files of the oracle have in common: what a value is, what a fault is, and how a time and a version are
// read. The section numbers in the comments are those of docs/evaluation.md.
(function (root) {
  'use strict';

  // ---- Values ------------------------------------------------------------------------------------------------------

  const isString = (value) => typeof value === 'string';
  const isText = (value) => isString(value) && value !== '';
  const isBoolean = (value) => typeof value === 'boolean';
  const isNumber = (value) => typeof value === 'number';
  const isInteger = Number.isSafeInteger;
  const isVersion = (value) => isInteger(value) && value >= 0;
  const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
  // What conditions compare with, and what metadata holds.
  const isScalar = (value) => isString(value) || isNumber(value) || isBoolean(value);
  const isKey = (value) => isString(value) && /^[A-Za-z0-9._-]{1,128}$/.test(value);
  // The name of a variant or a rule. Characters are Unicode's, not UTF-16 units, so that a name may be as long in every
  // script.
  const isName = (value) => isText(value) && Array.from(value).length <= 128;

  // Names come from users: `constructor` and `__proto__` must not be found where nobody wrote them.
  const own = (object, name) => (isObject(object) && Object.hasOwn(object, name) ? object[name] : undefined);

  // `null` means absent for every optional field; the fields where it means something read with `own`.
  const field = (object, name) => own(object, name) ?? undefined;

  const bytesOf = (text) => new TextEncoder().encode(text).length;

  // In unicode mode a pair is one character, so only a surrogate that stands alone is in the class.
  const LONE_SURROGATE = /[\ud800-\udfff]/u;

  // Names count as much as values, and fields that are ignored as much as those that are read: the text as a whole
  // cannot be held as UTF-8.
  function holdsLoneSurrogate(value) {
    if (isString(value)) return LONE_SURROGATE.test(value);
    if (Array.isArray(value)) return value.some(holdsLoneSurrogate);
    if (!isObject(value)) return false;
    return Object.keys(value).some((name) => LONE_SURROGATE.test(name) || holdsLoneSurrogate(value[name]));
  }

  // ---- Faults (1) --------------------------------------------------------------------------------------------------

  // What is wrong with one entry of an array; never with the document. Reading stops at the first.
  class Fault extends Error {
    constructor(code, pointer, message) {
      super(message);
      Object.assign(this, { code, pointer });
    }
  }

  function need(condition, pointer, message, code = 'invalid_value') {
    if (!condition) throw new Fault(code, pointer, message);
  }

  // The pointer to a member of what `at` points to.
  const below = (at, name) => `${at}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;

  // A member, or undefined where it is absent. What is there is as `check` has it, or at fault. `check` is a predicate,
  // or looks at the parts of the value itself: `check(value, pointer)` gives nothing then.
  function optional(object, at, name, check) {
    const value = field(object, name);
    if (value !== undefined) need(check(value, below(at, name)) ?? true, below(at, name), `${name} is not what it should be`);
    return value;
  }

  function required(object, at, name, check) {
    need(field(object, name) !== undefined, below(at, name), `${name} is missing`, 'missing');
    return optional(object, at, name, check);
  }

  // Checks of values that have parts, of which one may be at fault.
  const listOf = (check) => (value, at) => {
    need(Array.isArray(value), at, 'not a list', 'wrong_type');
    value.forEach((item, i) => need(check(item, below(at, i)) ?? true, below(at, i), 'not what this list is of'));
  };
  const mapOf = (check) => (value, at) => {
    need(isObject(value), at, 'not an object', 'wrong_type');
    for (const [name, item] of Object.entries(value)) need(check(item) ?? true, below(at, name), 'not what this object is of');
  };
  const filledListOf = (check) => (value, at) => {
    listOf(check)(value, at);
    need(value.length > 0, at, 'an empty list');
  };
  const strings = listOf(isString);

  // ---- Time (1) ----------------------------------------------------------------------------------------------------

  const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
  const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const isLeapYear = (year) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const daysInMonth = (year, month) => (month === 2 && isLeapYear(year) ? 29 : MONTH_DAYS[month - 1]);

  // Days from 1 January of the year 0 (negative ones do not occur: years are written with four digits).
  function dayNumber(year, month, day) {
    const before = year - 1;
    const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) + 1;
    let days = year * 365 + leapDays + day - 1;
    for (let m = 1; m < month; m += 1) days += daysInMonth(year, m);
    return days;
  }
  const EPOCH = dayNumber(1970, 1, 1);

  // Milliseconds since the epoch, or undefined for what names no instant. By hand, because `Date.parse` rolls 31 April
  // over into May and takes forms that RFC 3339 does not have.
  function parseTime(value) {
    if (isInteger(value)) return value;
    const parts = isString(value) && RFC3339.exec(value);
    if (!parts) return undefined;
    const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
    const [offsetHour, offsetMinute] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
    if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
    // A leap second is 60, and so out of range like any other.
    if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
    const millis = Number(`${parts[7] ?? ''}000`.slice(0, 3));
    const offset = (parts[8] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute);
    const minutes = ((dayNumber(year, month, day) - EPOCH) * 24 + hour) * 60 + minute - offset;
    return (minutes * 60 + second) * 1000 + millis;
  }
  const isTime = (value) => parseTime(value) !== undefined;

  // ---- Versions (1) ------------------------------------------------------------------------------------------------

  const NUMBER = '0|[1-9][0-9]*';
  const IDENTIFIER = `(?:${NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`;
  const SEMVER = new RegExp(
    `^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${IDENTIFIER}(?:\\.${IDENTIFIER})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
  );

  // `{core, pre}`, or undefined for what is no version. Numbers have as many digits as they like.
  function parseSemver(value) {
    const parts = isString(value) && SEMVER.exec(value);
    if (!parts) return undefined;
    return { core: parts.slice(1, 4).map(BigInt), pre: parts[4] === undefined ? [] : parts[4].split('.') };
  }

  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const isDigits = (text) => /^[0-9]+$/.test(text);

  function compareIdentifiers(a, b) {
    if (isDigits(a) && isDigits(b)) return order(BigInt(a), BigInt(b));
    // Numeric identifiers come before the others; those are ASCII, whose order is that of their code units.
    return isDigits(a) ? -1 : isDigits(b) ? 1 : order(a, b);
  }

  // semver.org, section 11: less than zero where `a` comes first.
  function compareSemver(a, b) {
    for (const i of [0, 1, 2]) {
      if (a.core[i] !== b.core[i]) return order(a.core[i], b.core[i]);
    }
    if (a.pre.length === 0 || b.pre.length === 0) return order(b.pre.length, a.pre.length);
    for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i += 1) {
      const compared = compareIdentifiers(a.pre[i], b.pre[i]);
      if (compared !== 0) return compared;
    }
    return order(a.pre.length, b.pre.length);
  }

  // ---- Contexts (2) ------------------------------------------------------------------------------------------------

  function idText(context, name) {
    const value = own(context, name);
    if (isText(value)) return value;
    return isInteger(value) ? `${value}` : undefined; // which writes -0 as 0
  }

  const userText = (context) => idText(context, 'user_id') ?? idText(context, 'project_id');

  const DEFAULTS = { tier: 'anonymous', env: 'dev' };

  // An attribute as conditions and stages see it: undefined where it is absent.
  function attributeOf(context, name) {
    const value = field(context, name);
    return Object.hasOwn(DEFAULTS, name) && !isString(value) ? DEFAULTS[name] : value;
  }

  const values = {
    isString, isText, isBoolean, isNumber, isInteger, isVersion, isObject, isScalar, isKey, isName, isTime,
    own, field, bytesOf, LONE_SURROGATE, holdsLoneSurrogate,
    Fault, need, below, optional, required, listOf, mapOf, filledListOf, strings,
    parseTime, parseSemver, compareSemver, idText, userText, attributeOf,
  };
  if (typeof module === 'object' && module.exports) module.exports = values;
  else root.FFValues = values;
})(globalThis);
