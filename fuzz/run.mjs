#!/usr/bin/env node
// Searches for inputs that break what src/ says must hold of any input, and keeps in corpus/ what led somewhere new:
//
//   node fuzz/run.mjs [target]...      FUZZ_SECONDS=60 is how long each of them searches, FUZZ_ANEW=1 replaces what is kept
//
// It needs nightly and cargo-fuzz (`node tools/setup.mjs fuzz` brings both). An input that breaks something is written to fuzz/broken/<target>-…; when
// what it broke is mended, it belongs into seeds/<target>/, which is replayed by `cargo test` as the corpus is.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, cargoFuzz, which } from '../tools/env.mjs';
import { writeSeeds } from './seeds.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const TARGETS = [...readFileSync(join(HERE, 'Cargo.toml'), 'utf8').matchAll(/^\[\[bin\]\]\nname = "(\w+)"/gm)].map(([, name]) => name);
const BUILT = join(process.env.CARGO_TARGET_DIR || join(ROOT, 'target'), 'fuzz');

// What is kept is in the repository, so it is small: by number, by bytes, and each input by itself.
// Chosen anew it leaves room for what is found later.
const KEPT = { files: 200, anew: 150, bytes: 300_000, each: 4096 };
const LONGEST = 4096; // Of an input while searching: long ones are slow, and say nothing that short ones do not.
const SECONDS_EACH = 20; // For one input, past which it hangs.
const MEGABYTES = 1024;

const fail = (message) => {
  console.error(`fuzz: ${message}`);
  process.exit(2);
};

function environment() {
  if (!which('rustup')) fail('there is no rustup in PATH, which has toolchains side by side: fuzzing needs nightly. Install rustup (https://rustup.rs)');
  const host = /^host: (.+)$/m.exec(spawnSync('rustc', ['+nightly', '-vV'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  if (!host) fail('there is no nightly toolchain: rustup toolchain install nightly --profile minimal');
  if (!existsSync(cargoFuzz.path)) fail(`there is no cargo-fuzz ${cargoFuzz.version}: node tools/setup.mjs fuzz`);
  return { host, env: { ...process.env, PATH: `${dirname(cargoFuzz.path)}${delimiter}${process.env.PATH}` } };
}

/** Builds every target with what libFuzzer watches. There is no unsafe code for a sanitizer to watch, and without one it is twice as fast. */
function build({ host, env }) {
  const args = ['+nightly', 'fuzz', 'build', '--sanitizer', 'none', '--features', 'search', '--target-dir', BUILT];
  const { status } = spawnSync('cargo', args, { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0) fail('the targets do not compile');
  return (target) => join(BUILT, host, 'release', target);
}

const inputs = (folder) =>
  readdirSync(folder).map((name) => {
    const path = join(folder, name);
    const { size, mtimeNs } = statSync(path, { bigint: true });
    return { name, path, size: Number(size), written: mtimeNs };
  });

function run(program, args) {
  const { status, stderr, error } = spawnSync(program, args, { cwd: HERE, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (error) fail(error.message);
  return { ok: status === 0, output: stderr };
}

/** Searches for a while in a folder of its own. Gives how often the target ran, or what broke it. */
function search(target, program, seconds, work) {
  for (const folder of [join(HERE, 'corpus', target), join(HERE, 'seeds', target)]) {
    mkdirSync(folder, { recursive: true });
    for (const { name, path } of inputs(folder)) copyFileSync(path, join(work, name));
  }
  writeSeeds(target, work);
  const broken = join(HERE, 'broken');
  mkdirSync(broken, { recursive: true });
  const { ok, output } = run(program, [
    work,
    `-max_total_time=${seconds}`,
    `-max_len=${LONGEST}`,
    `-timeout=${SECONDS_EACH}`,
    `-rss_limit_mb=${MEGABYTES}`,
    `-dict=${join(HERE, 'words.dict')}`,
    `-artifact_prefix=${join(broken, `${target}-`)}`,
    '-print_final_stats=1',
    '-verbosity=1',
  ]);
  const number = (name) => Number(new RegExp(`^stat::${name}: +(\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const stats = { runs: number('number_of_executed_units'), slowest: number('slowest_unit_time_sec'), peak: number('peak_rss_mb') };
  return { ok, output, ...stats };
}

/**
 * Keeps of what was found what reaches a place that nothing kept reaches. (To reach a place more often is not to reach more: that would keep thousands.)
 * With `anew`, chooses of all of it as little as reaches everything: what reaches most is written first, so what is past the limits adds least.
 */
function keep(target, program, work, anew) {
  const corpus = join(HERE, 'corpus', target);
  const merged = join(BUILT, 'kept', target);
  rmSync(merged, { recursive: true, force: true });
  mkdirSync(merged, { recursive: true });
  const before = inputs(corpus);
  if (!anew) for (const { name, path } of before) copyFileSync(path, join(merged, name));
  const from = anew ? ['-set_cover_merge=1', merged, corpus, work] : ['-merge=1', merged, work];
  const { ok, output } = run(program, [...from, '-use_counters=0', `-max_len=${KEPT.each}`, `-timeout=${SECONDS_EACH}`]);
  if (!ok) fail(`${target}: what to keep could not be told:\n${output.slice(-2000)}`);
  const kept = new Map(anew ? [] : before.map((input) => [input.name, input]));
  const found = inputs(merged).filter(({ name }) => !kept.has(name));
  found.sort((a, b) => Number(a.written - b.written));
  const most = anew ? KEPT.anew : KEPT.files;
  const size = () => [...kept.values()].reduce((sum, input) => sum + input.size, 0);
  for (const input of found) if (kept.size < most && size() + input.size <= KEPT.bytes) kept.set(input.name, input);
  const names = new Set(before.map(({ name }) => name));
  const fresh = [...kept.values()].filter(({ name }) => !names.has(name));
  for (const { name, path } of before) if (!kept.has(name)) rmSync(path);
  for (const { name, path } of fresh) copyFileSync(path, join(corpus, name));
  const left = found.filter(({ name }) => !kept.has(name)).length;
  const past = left ? `, ${left} past the limits${anew ? '' : ': FUZZ_ANEW=1 chooses anew'}` : '';
  return `${kept.size} inputs kept (${size()} bytes, ${fresh.length} new${past})`;
}

function main(names) {
  const seconds = Number(process.env.FUZZ_SECONDS || 60);
  if (!(seconds > 0)) fail(`FUZZ_SECONDS is ${process.env.FUZZ_SECONDS}, and not a number of seconds`);
  const unknown = names.filter((name) => !TARGETS.includes(name));
  if (unknown.length) fail(`unknown: ${unknown.join(', ')}; there are ${TARGETS.join(', ')}`);
  const programOf = build(environment());
  let broken = 0;
  for (const target of names.length ? names : TARGETS) {
    const program = programOf(target);
    const work = join(BUILT, 'work', target);
    mkdirSync(work, { recursive: true });
    console.log(`fuzz  ${target}: ${seconds} s`);
    const { ok, output, runs, slowest, peak } = search(target, program, seconds, work);
    if (!ok) {
      broken += 1;
      const reproduce = /^artifact_prefix=.*Test unit written to (.*)$/m.exec(output)?.[1];
      console.log(output.split('\n').slice(-60).join('\n'));
      console.log(`FAIL  ${target}: broken after ${runs} runs${reproduce ? ` by ${relative(process.cwd(), reproduce)}` : ''}`);
      continue;
    }
    console.log(`ok    ${target}: ${runs} runs, the slowest ${slowest} s, at most ${peak} MB; ${keep(target, program, work, process.env.FUZZ_ANEW)}`);
  }
  process.exitCode = broken ? 1 : 0;
}

main(process.argv.slice(2));
