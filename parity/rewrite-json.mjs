// Another JSON text of the same meaning: other white space, escapes and forms of numbers, and names given twice, of
// which the last one counts. Stays on one line.
export function rewritten(value, random) {
  const space = () => (random.chance(0.1) ? random.pick([' ', '\t', '   ']) : '');

  const number = (n) => {
    const plain = JSON.stringify(n);
    if (!Number.isSafeInteger(n) || random.chance(0.5)) return plain;
    return random.pick([`${plain}.0`, `${plain}.000`, `${plain}e0`, `${plain}E+0`, n === 0 ? '-0' : `${plain}0e-1`]);
  };

  const string = (text) => {
    const plain = JSON.stringify(text);
    if (random.chance(0.7)) return plain;
    // An escape that is there already stays as it is, and of a pair of surrogates both are escaped or none: the text
    // must be Unicode.
    const characters = plain.slice(1, -1).match(/\\u[0-9a-f]{4}|\\.|[^\\]/gsu) ?? [];
    return `"${characters.map((one) => (one.startsWith('\\') || random.chance(0.7) ? one : escaped(one))).join('')}"`;
  };

  const escaped = (character) => {
    if (character === '/') return '\\/';
    const escape = (unit) => `\\u${hex(unit.charCodeAt(0).toString(16).padStart(4, '0'))}`;
    return character.split('').map(escape).join('');
  };
  const hex = (digits) => (random.chance(0.5) ? digits : digits.toUpperCase());

  const member = (name, inner) => `${space()}${string(name)}${space()}:${write(inner)}`;

  const object = (fields) => {
    const members = Object.entries(fields).flatMap(([name, inner]) =>
      random.chance(0.03) ? [member(name, random.pick([null, 7, 'an earlier one', [], {}])), member(name, inner)] : [member(name, inner)],
    );
    return `{${members.join(',')}${space()}}`;
  };

  const inner = (item) => {
    if (typeof item === 'number') return number(item);
    if (typeof item === 'string') return string(item);
    if (Array.isArray(item)) return `[${item.map(write).join(',')}${space()}]`;
    return typeof item === 'object' && item !== null ? object(item) : JSON.stringify(item);
  };
  const write = (item) => `${space()}${inner(item)}${space()}`;

  return write(value);
}
