// Conditions: how they are read, and whom they match. A condition is kept as it is written, short forms and all; what
// it is short for is worked out wherever it is needed.
(function (root) {
  'use strict';

  const values = typeof module === 'object' && module.exports ? require('./values.js') : root.FFValues;
  const { isString, isText, isBoolean, isNumber, isObject, isScalar, isTime } = values;
  const { own, field, need, below, filledListOf, parseTime, parseSemver, compareSemver, bytesOf, LONE_SURROGATE, attributeOf, userText } = values;

  const MAX_DEPTH = 16;
  const MAX_PATTERN_BYTES = 1024;
  const MAX_TEXT_BYTES = 8 * 1024;

  // ---- Regular expressions -----------------------------------------------------------------------------------------

  // What the page's patterns and JavaScript's both have, in JavaScript's spelling. A pattern that needs more is no
  // fault: it is a question that the oracle has no answer to, and an error that nobody catches.
  const unanswerable = (pattern) => new Error(`a pattern beyond the oracle: ${pattern}`);
  const TOKEN = /\(\?<?.|\\.|\[\^?(?:\\.|[^\\\]])*\]|\{[^}]*\}|[\s\S]/gsu;
  const SPACE = '\\t\\n\\v\\f\\r ';
  const isQuantifier = (token) => /^[*+?{]/.test(token);
  const swapCase = (letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase());

  function compilePattern(pattern) {
    const isFolded = pattern.startsWith('(?i)');
    const tokens = (isFolded ? pattern.slice(4) : pattern).match(TOKEN) ?? [];
    let source = '';
    tokens.forEach((token, i) => {
      if (i > 1 && isQuantifier(token) && isQuantifier(tokens[i - 1]) && (token !== '?' || isQuantifier(tokens[i - 2]))) throw unanswerable(pattern);
      if (i > 0 && isQuantifier(token) && ['^', '$', '\\b', '\\B'].includes(tokens[i - 1])) throw unanswerable(pattern);
      source += translated(token, isFolded, pattern);
    });
    return new RegExp(source, 'u');
  }

  function translated(token, isFolded, pattern) {
    if (token.startsWith('(?')) {
      // Around, ahead and behind is not looked.
      if (['(?=', '(?!', '(?<=', '(?<!'].includes(token)) throw new SyntaxError('look-around');
      if (token !== '(?:') throw unanswerable(pattern);
      return token;
    }
    if (token.startsWith('\\')) {
      if (/^\\[1-9pPk]$/.test(token)) throw new SyntaxError('a back-reference, or a class of Unicode');
      if (/^\\[sS]$/.test(token)) return token === '\\s' ? `[${SPACE}]` : `[^${SPACE}]`;
      if (/^\\[dDwWbBnrt\\.*+?()|[\]{}^$]$/.test(token)) return token;
      // Letters without a meaning are refused by both.
      if (/^\\[eghijlmoqyEFGHIJKLMNOTVXYZ]$/.test(token)) throw new SyntaxError('an unknown escape');
      if (token.length > 1) throw unanswerable(pattern);
    }
    if (token.startsWith('[') && token.length > 1) return translatedClass(token, isFolded, pattern);
    if (token.startsWith('{,')) throw unanswerable(pattern);
    if (token === '.') return '[^\\n]';
    if (token === ']' || token === '}') return `\\${token}`;
    return isFolded && /^[A-Za-z]$/.test(token) ? `[${token}${swapCase(token)}]` : token;
  }

  function translatedClass(token, isFolded, pattern) {
    const [, negation, inner] = /^\[(\^?)(.*)\]$/su.exec(token);
    if (inner === '' || /\[|&&|--|~~/.test(inner)) throw unanswerable(pattern);
    let source = '';
    for (const [item, low, high] of inner.matchAll(/(\\.|[^\\])-(\\.|[^\\])|\\.|[^\\]/gsu)) {
      if (/\\[^dwsnrt\\.*+?()|[\]{}^$-]/.test(item)) throw unanswerable(pattern);
      source += item === '\\s' ? SPACE : item;
      if (isFolded) source += folded(low ?? item, high ?? item);
    }
    return `[${negation}${source}]`;
  }

  // The other case of the ASCII letters from `low` to `high`.
  function folded(low, high) {
    let letters = '';
    for (let code = 0x41; code <= 0x7a; code += 1) {
      const letter = String.fromCharCode(code);
      if (/[A-Za-z]/.test(letter) && low <= letter && letter <= high && low.length + high.length === 2) letters += swapCase(letter);
    }
    return letters;
  }

  function isPattern(text) {
    try {
      return !!compilePattern(text);
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    }
  }

  const isSearchable = (text) => isString(text) && bytesOf(text) <= MAX_TEXT_BYTES && !LONE_SURROGATE.test(text);

  // ---- Operators ---------------------------------------------------------------------------------------------------

  const isSameType = (a, b) => typeof a === typeof b;
  const scalars = filledListOf(isScalar);

  function checkPattern(text, at) {
    need(isString(text), at, 'not a string', 'wrong_type');
    need(bytesOf(text) <= MAX_PATTERN_BYTES, at, 'a pattern of more than 1 KiB', 'limit_exceeded');
    need(isPattern(text), at, 'not a regular expression');
  }

  function checkBounds(bounds, at) {
    scalars(bounds, at);
    need(bounds.length === 2 && bounds.every(isNumber) && bounds[0] <= bounds[1], at, 'not two numbers in order');
  }

  const byVersion = (compare) => ({
    value: (operand) => parseSemver(operand) !== undefined,
    holds: (text, operand) => parseSemver(text) !== undefined && compare(compareSemver(parseSemver(text), parseSemver(operand))),
  });
  const byTime = (compare) => ({
    value: isTime,
    holds: (attribute, operand) => isTime(attribute) && compare(parseTime(attribute), parseTime(operand)),
  });
  const byNumber = (compare) => ({ value: isNumber, holds: (attribute, operand) => isNumber(attribute) && compare(attribute, operand) });
  const byText = (compare) => ({ value: isString, holds: (attribute, operand) => isString(attribute) && compare(attribute, operand) });

  // Of each: the operand that is due, `value` or `values`, with its check, and whether it holds of an attribute.
  const OPERATORS = {
    equals: { value: isScalar, holds: (attribute, operand) => attribute === operand },
    not_equals: { value: isScalar, holds: (attribute, operand) => isSameType(attribute, operand) && attribute !== operand },
    in: { values: scalars, holds: (attribute, operands) => operands.some((operand) => attribute === operand) },
    not_in: {
      values: scalars,
      holds: (attribute, operands) =>
        operands.some((operand) => isSameType(attribute, operand)) && operands.every((operand) => attribute !== operand),
    },
    contains: {
      value: isScalar,
      holds: (attribute, operand) =>
        Array.isArray(attribute)
          ? attribute.some((element) => element === operand)
          : isString(attribute) && isString(operand) && attribute.includes(operand),
    },
    starts_with: byText((text, start) => text.startsWith(start)),
    ends_with: byText((text, end) => text.endsWith(end)),
    matches: { value: checkPattern, holds: (text, pattern) => isSearchable(text) && compilePattern(pattern).test(text) },
    gt: byNumber((a, b) => a > b),
    gte: byNumber((a, b) => a >= b),
    lt: byNumber((a, b) => a < b),
    lte: byNumber((a, b) => a <= b),
    // Which no NaN is between.
    between: { values: checkBounds, holds: (attribute, [low, high]) => isNumber(attribute) && low <= attribute && attribute <= high },
    exists: { value: isBoolean, absent: true, holds: (attribute, operand) => (attribute !== undefined) === operand },
    semver_eq: byVersion((order) => order === 0),
    semver_gt: byVersion((order) => order > 0),
    semver_gte: byVersion((order) => order >= 0),
    semver_lt: byVersion((order) => order < 0),
    semver_lte: byVersion((order) => order <= 0),
    before: byTime((a, b) => a < b),
    after: byTime((a, b) => a > b),
  };

  const operandName = (operator) => (operator.values ? 'values' : 'value');
  const operandOf = (condition, operator) => field(condition, operandName(operator)) ?? operator.absent;

  // ---- Reading -----------------------------------------------------------------------------------------------------

  const OPERANDS = ['op', 'value', 'values'];
  const MEMBERS = ['attr', 'segment', 'all', 'any', 'not', 'percentage'];

  // What an object is as good as `all` of: conditions of one member each.
  function partsOf(condition) {
    const attr = field(condition, 'attr');
    const parts = isObject(attr)
      ? Object.entries(attr).map(([name, operand]) =>
          Array.isArray(operand) ? { attr: name, op: 'in', values: operand } : { attr: name, op: 'equals', value: operand },
        )
      : attr === undefined ? [] : [condition];
    for (const name of ['segment', 'all', 'any', 'not']) {
      if (field(condition, name) !== undefined) parts.push({ [name]: condition[name] });
    }
    return parts;
  }

  /**
   * Finds the first fault of a condition. `segments` are those that it may name: key → segment, or null for one at
   * fault; without them it is a segment's own. `isOutermost` is said of a rule's `when`, which alone may have a
   * percentage.
   */
  function checkCondition(condition, at, { depth = 1, segments, isOutermost = false }) {
    need(depth <= MAX_DEPTH, at, 'too deep', 'limit_exceeded');
    need(isObject(condition), at, 'a condition is not an object', 'wrong_type');
    const inner = partsOf(condition).length > 1 ? depth + 1 : depth;
    need(inner <= MAX_DEPTH, at, 'too deep for several members', 'limit_exceeded');

    const names = Object.keys(condition).filter((name) => condition[name] !== null);
    for (const name of names) need([...OPERANDS, ...MEMBERS].includes(name), below(at, name), 'no member of a condition');
    if (!isString(own(condition, 'attr'))) {
      for (const name of OPERANDS) need(!names.includes(name), below(at, name), 'what is it of?');
    }
    need(names.length > 0, at, 'a condition without members', 'missing');

    const has = (name) => names.includes(name);
    const checkInner = (raw, pointer) => checkCondition(raw, pointer, { depth: inner + 1, segments });
    if (has('attr')) checkAttribute(condition, at);
    if (has('segment')) {
      const pointer = below(at, 'segment');
      need(segments, pointer, 'a segment in a segment');
      need(isString(condition.segment), pointer, 'segment is not a string', 'wrong_type');
      need(segments.get(condition.segment), pointer, 'no such segment, or one at fault', 'unknown_reference');
    }
    for (const name of ['all', 'any']) {
      if (!has(name)) continue;
      need(Array.isArray(condition[name]), below(at, name), 'not a list', 'wrong_type');
      condition[name].forEach((raw, i) => checkInner(raw, below(below(at, name), i)));
    }
    if (has('not')) checkInner(condition.not, below(at, 'not'));
    need(!has('percentage') || isOutermost, below(at, 'percentage'), 'a percentage that is no rule\'s');
  }

  function checkAttribute(condition, at) {
    const pointer = below(at, 'attr');
    const { attr } = condition;
    if (isObject(attr)) {
      for (const [name, operand] of Object.entries(attr)) {
        const inner = below(pointer, name);
        need(isText(name), inner, 'an attribute without a name');
        if (Array.isArray(operand)) scalars(operand, inner);
        else need(isScalar(operand), inner, 'neither a scalar nor a list', 'wrong_type');
      }
      return;
    }
    need(isText(attr), pointer, 'attr is not a name');
    const op = field(condition, 'op');
    need(op !== undefined, below(at, 'op'), 'op is missing', 'missing');
    const operator = isString(op) ? own(OPERATORS, op) : undefined;
    need(operator, below(at, 'op'), 'no operator');
    const name = operandName(operator);
    const operand = operandOf(condition, operator);
    need(operand !== undefined, below(at, name), `${name} is missing`, 'missing');
    need(operator[name](operand, below(at, name)) ?? true, below(at, name), `${name} is not what ${op} takes`);
  }

  // ---- Matching ----------------------------------------------------------------------------------------------------

  // What conditions see of a context. Those of segments name no segments.
  const seenIn = (context, segments) => ({
    attribute: (name) => attributeOf(context, name),
    isIn: (key) => isIn(segments.get(key), context),
  });

  function isIn(segment, context) {
    const id = userText(context);
    if (segment.exclude.includes(id)) return false;
    return segment.include.includes(id) || (segment.condition !== undefined && matches(segment.condition, seenIn(context)));
  }

  function matches(condition, seen) {
    return partsOf(condition).every((part) => {
      const [attr, segment, all, any, not] = ['attr', 'segment', 'all', 'any', 'not'].map((name) => field(part, name));
      if (attr !== undefined) {
        const operator = OPERATORS[part.op];
        return operator.holds(seen.attribute(attr), operandOf(part, operator));
      }
      if (segment !== undefined) return seen.isIn(segment);
      if (all !== undefined) return all.every((inner) => matches(inner, seen));
      if (any !== undefined) return any.some((inner) => matches(inner, seen));
      return !matches(not, seen);
    });
  }

  const conditions = { OPERATORS, checkCondition, matches, seenIn, isIn };
  if (typeof module === 'object' && module.exports) module.exports = conditions;
  else root.FFConditions = conditions;
})(globalThis);
