// Python packages, at pinned versions and with the hashes of their wheels, as steps of setup.mjs.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE, ROOT, SetupError, metricsParser, ofrepClients, schemathesis } from './env.mjs';

const exec = promisify(execFile);
const PYTHON_NEEDED = '3.10';

// Wheels without compiled parts, so that another Python can use them tomorrow.
const PURE = ['--platform', 'any', '--implementation', 'py', '--abi', 'none', '--python-version', PYTHON_NEEDED];

/** The Python that is here, as compiled parts need it; nothing where there is none. */
const pythonTag = () =>
  exec('python3', ['-c', 'import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform())']).then(
    ({ stdout }) => stdout,
    () => '',
  );

/** The steps that bring Python packages; `run` runs a command of a step, `debianPackages` brings Python itself where there is none. */
export function pythonSteps({ run, debianPackages }) {
  /**
   * A folder of Python packages: `folder` says where, `file` is the requirements with hashes. `compiled` ones are of the Python that is
   * here and brought again for another.
   */
  const pythonPackages = ({ name, what, folder, file, needed = PYTHON_NEEDED, compiled = false }) => ({
    name,
    about: '10 s',
    async missing() {
      if (!existsSync(folder())) return what;
      if (!compiled) return '';
      const stamp = join(folder(), '.python');
      return existsSync(stamp) && readFileSync(stamp, 'utf8') === (await pythonTag()) ? '' : what;
    },
    async bring() {
      const please = `install Python ${needed} or newer with pip`;
      const check = `import pip, sys; sys.exit(sys.version_info < (${needed.replace('.', ', ')}))`;
      const serves = () => exec('python3', ['-c', check]).then(() => true, () => false);
      if (!(await serves())) {
        await debianPackages(name, ['python3', 'python3-pip'], `no Python ${needed} with pip was found`, please);
        if (!(await serves())) throw new SetupError(`Debian's Python does not serve: ${please}`);
      }
      mkdirSync(CACHE, { recursive: true });
      const unfinished = mkdtempSync(join(CACHE, `${name}-`));
      try {
        await run(name, 'python3', [
          ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--root-user-action', 'ignore'],
          ...['--no-deps', '--require-hashes', '--requirement', join(ROOT, ...file)],
          ...['--only-binary', ':all:', ...(compiled ? [] : PURE), '--target', unfinished],
        ]);
        if (compiled) writeFileSync(join(unfinished, '.python'), await pythonTag());
        rmSync(folder(), { recursive: true, force: true });
        renameSync(unfinished, folder());
      } finally {
        rmSync(unfinished, { recursive: true, force: true });
      }
    },
  });

  const ofrepPython = pythonPackages({
    name: 'ofrep-python',
    what: 'the stock OFREP client for Python',
    folder: () => ofrepClients().python,
    file: ['ofrep-clients', 'python', 'requirements.txt'],
  });

  const parser = pythonPackages({
    name: 'metrics-parser',
    what: "Prometheus's parser for Python",
    folder: metricsParser,
    file: ['worker', 'test', 'prometheus', 'requirements.txt'],
  });

  const tester = pythonPackages({
    name: 'schemathesis',
    what: 'Schemathesis',
    folder: schemathesis,
    file: ['worker', 'test', 'schemathesis', 'requirements.txt'],
    needed: '3.11',
    compiled: true,
  });

  return { ofrepPython, parser, tester };
}
