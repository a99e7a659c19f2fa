// How many tests a runner says it ran, read from its own output, so that a runner that found nothing to run is not
// taken for one whose tests passed.

const ANSI = /\x1b\[[0-9;]*[A-Za-z]/g;
const NOTHING = { passed: 0, failed: 0, skipped: 0 };

const sum = (counts) =>
  counts.reduce(
    (total, one) => ({
      passed: total.passed + one.passed,
      failed: total.failed + one.failed,
      skipped: total.skipped + one.skipped,
    }),
    NOTHING,
  );

/** The number after `name` on a summary line of node:test, in its spec form (ℹ) or its TAP form (#). */
const nodeNumber = (text, name) => Number(new RegExp(`^(?:ℹ|#) ${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);

const READERS = {
  /** cargo test and wasm-bindgen-test-runner: one line for each binary. */
  cargo: (text) =>
    sum(
      [...text.matchAll(/^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored/gm)].map(
        ([, passed, failed, skipped]) => ({ passed: Number(passed), failed: Number(failed), skipped: Number(skipped) }),
      ),
    ),
  /** node --test: one summary. A cancelled test did not pass; a todo was not run to a verdict. */
  node: (text) => ({
    passed: nodeNumber(text, 'pass'),
    failed: nodeNumber(text, 'fail') + nodeNumber(text, 'cancelled'),
    skipped: nodeNumber(text, 'skipped') + nodeNumber(text, 'todo'),
  }),
  /** The runners in parity/: `19 pass · 0 fail`, one line for each kind of case. */
  pass: (text) =>
    sum(
      [...text.matchAll(/\b(\d[\d,]*) pass(?:ed)? *[·,;] *(\d[\d,]*) fail(?:ed)?\b/g)].map(([, passed, failed]) => ({
        passed: Number(passed.replaceAll(',', '')),
        failed: Number(failed.replaceAll(',', '')),
        skipped: 0,
      })),
    ),
  /** The differential test: one test of as many cases as it says, and none if it drew no case. */
  differential: (text) => {
    const [, cases, found] = /^differential .* (\d+) cases .* (\d+) differences$/m.exec(text) ?? [];
    return { passed: Number(cases) > 0 && found === '0' ? 1 : 0, failed: found > 0 ? 1 : 0, skipped: 0 };
  },
  /** A check has no tests in it: its exit status is its one verdict. */
  check: (_, ok) => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 }),
};

/** The files in which node --test found no test: it counts such a file itself as a test that passed. */
function emptyFiles(text, files) {
  return files.filter((file) =>
    [...text.matchAll(/^✔ (.+) \(\d[\d.]*ms\)$/gm)].some(([, name]) => name === file || name.endsWith(`/${file}`)),
  );
}

/** What a suite is worth in the end: its counts, and why it failed if it did. `files` is what node --test was given. */
export function judge(reader, output, ok, files = []) {
  const text = output.replaceAll('\r\n', '\n').replace(ANSI, '');
  const counts = READERS[reader](text, ok);
  const empty = emptyFiles(text, files);
  if (empty.length) {
    const { passed, failed, skipped } = counts;
    const why = `no test in ${empty.join(', ')}`;
    return { passed: passed - empty.length, failed: failed + empty.length, skipped, why };
  }
  if (!ok) {
    // A runner that broke down may have counted no failure at all; a red suite is never worth none.
    return { ...counts, failed: Math.max(counts.failed, 1), why: 'failed' };
  }
  if (counts.failed) return { ...counts, why: 'ended well in spite of failures' };
  if (counts.passed === 0) return { ...counts, failed: 1, why: 'ran no test' };
  return { ...counts, why: '' };
}
