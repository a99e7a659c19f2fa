/** What the program says of itself. */

import { COMMON, type Command, type Options } from './command.js';
import { type Terminal, table } from './terminal.js';

export function overview(commands: readonly Command[], terminal: Terminal): string {
  return `Feature flags, evaluated where you are.

${title('Usage', terminal)}
  burgee <command> <snapshot> …

${title('Commands', terminal)}
${indented(table([...commands.map(({ name, about }) => [name, about]), ['help [command]', "show this help, or a command's"]]))}

${title('Options', terminal)}
${indented(table([['-h, --help', 'show this help'], ['-v, --version', 'show the version']]))}

${exitStatus(terminal)}

burgee help <command> says more, with examples.`;
}

export function helpOf(command: Command, terminal: Terminal): string {
  const { name, takes, about, more, options, examples } = command;
  return [
    `burgee ${name}: ${about}`,
    `${title('Usage', terminal)}\n  burgee ${name} ${takes}`,
    ...(more === undefined ? [] : [more]),
    `${title('Options', terminal)}\n${indented(table(optionRows({ ...options, ...COMMON })))}`,
    `${title('Examples', terminal)}\n${indented(examples.map((example) => (example.startsWith(name) ? `burgee ${example}` : example)))}`,
    exitStatus(terminal),
  ].join('\n\n');
}

function optionRows(options: Options): string[][] {
  return Object.entries(options).map(([name, { value, short, about }]) => {
    const long = `--${name}${value === undefined ? '' : ` ${value}`}`;
    return [short === undefined ? `    ${long}` : `-${short}, ${long}`, about];
  });
}

function exitStatus(terminal: Terminal): string {
  return `${title('Exit status', terminal)}
  0  fine
  1  there are findings or faults, or a flag that was asked for is unknown or at fault
  2  wrong use, or an input that cannot be read`;
}

function title(text: string, terminal: Terminal): string {
  return terminal.paint('bold', text);
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n');
}
