// One at a time: two makes that start together must not bring the same thing twice into the same place.
//
// The lock is a file that names its holder and is touched while it is held. It is given up for dead when its process
// is gone, or when nobody touched it for a minute (a holder on another machine that shares the cache, or a reused pid).
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const TOUCH_MS = 5_000;
const DEAD_AFTER_MS = 60_000;
const POLL_MS = 250;

const me = `${process.pid}@${hostname()}`;

function holder(file) {
  try {
    return { name: readFileSync(file, 'utf8'), touched: statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

function isDead({ name, touched }) {
  if (Date.now() - touched > DEAD_AFTER_MS) return true;
  const [pid, host] = name.split('@');
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Linking is the one step that either makes the file with its content or fails because it is there. */
function take(file) {
  const mine = `${file}.${me}`;
  writeFileSync(mine, me);
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Renaming lets only one waiter break a dead lock, and lets it see whether it took a living one by mistake. */
function breakLock(file) {
  const aside = `${file}.dead.${me}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const taken = holder(aside);
  if (taken && !isDead(taken)) {
    try {
      linkSync(aside, file);
    } catch {
      // Somebody took the lock meanwhile; the two then work side by side, which is slow but not wrong.
    }
  }
  rmSync(aside, { force: true });
}

/** Runs `work` while holding `file`; `waiting` is called once, with the holder's name, if there is one. */
export async function withLock(file, waiting, work) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  while (!take(file)) {
    const other = holder(file);
    if (other && isDead(other)) {
      breakLock(file);
      continue;
    }
    if (other && !told) {
      told = true;
      waiting(other.name);
    }
    await sleep(POLL_MS);
  }
  const release = () => {
    if (holder(file)?.name === me) rmSync(file, { force: true });
  };
  const touch = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(file, now, now);
    } catch {
      // Removed by hand: the work goes on, without protection.
    }
  }, TOUCH_MS);
  process.on('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    process.off('exit', release);
    release();
  }
}
