//! Replays what is kept, without searching: what is written by hand (`seeds/`), and what searching found (`corpus/`).
//!
//! Every input is a test of its own, so this has no harness: it says of each target how many passed and failed, and which failed.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use burgee_fuzz::{TARGETS, Target};

/// As much as a module of wasm has: what recurses too deep there does so here.
const STACK: usize = 1024 * 1024;

fn main() -> ExitCode {
    let mut is_right = true;
    for (name, target) in TARGETS {
        for kind in ["seeds", "corpus"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(name);
            let files = files(&folder);
            let all = files.len();
            let replay = move || files.into_iter().filter(|file| !passes(target, file)).count();
            let failed = thread::Builder::new().stack_size(STACK).spawn(replay).expect("a thread").join();
            let failed = failed.expect("a target's panic is caught");
            println!("{name:<12}{kind:<8}{:>4} pass · {failed} fail", all - failed);
            if all == 0 {
                println!("there is nothing in {}", folder.display());
            }
            is_right &= all > 0 && failed == 0;
        }
    }
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The inputs in a folder, in order; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn passes(target: Target, file: &Path) -> bool {
    let input = fs::read(file).expect("a file");
    let passes = catch_unwind(|| target(&input)).is_ok();
    if !passes {
        println!("FAIL  {}", file.display());
    }
    passes
}
