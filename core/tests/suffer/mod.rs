//! Loads, evaluates and lints a document within bounds of time, memory and stack.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use burgee_core::lint::lint;
use burgee_core::{
    Documents, Fault, FaultCode, FlagIndex, NamedContext, Reason, Request, Snapshot, WarningCode, limits,
};

/// Of any one document, on a machine that may be busy.
const TIME: Duration = Duration::from_secs(30);
/// Bytes that loading may take for each byte of the document. A value that is a list of `0,` takes most.
const LOAD_TIMES: usize = 20;
/// The same for linting, which has the whole document as the model has it beside what loading makes of it.
const LINT_TIMES: usize = 40;
/// Bytes that it may take however small the document is: for the largest entry while it is read, of which each byte may take 40, and for the smallest
/// flags, as many as there may be.
const ANYWAY: usize = 48 * 1024 * 1024;
/// What a module of wasm has by default.
const STACK: usize = 1024 * 1024;

/// Counts what the current thread holds, and the most that it held.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

impl Counting {
    fn count(bytes: isize) {
        // Threads that end free what they hold when there is nothing left to count with.
        let _ = HELD.try_with(|held| {
            held.set(held.get() + bytes);
            MOST.with(|most| most.set(most.get().max(held.get())));
        });
    }
}

// SAFETY: every call is handed on as it came; counting touches no memory of the caller's, and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as isize);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs something and says how many bytes it held at most.
fn measured<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let result = run();
    (result, usize::try_from(MOST.get() - before).unwrap_or(0))
}

/// What became of a document: the fault for which it is refused, or its warnings by code and pointer.
type Outcome = Result<Vec<(WarningCode, String)>, Fault>;

/// Loads, evaluates, describes and lints a document within all bounds.
pub fn suffer(what: &str, document: impl Into<Vec<u8>>) -> Outcome {
    let (what, document) = (what.to_owned(), document.into());
    let run = move || {
        let began = Instant::now();
        let (loaded, bytes) = measured(|| Snapshot::parse(&document));
        let most = document.len() * LOAD_TIMES + ANYWAY;
        assert!(bytes <= most, "{what}: loading {} bytes took {bytes} bytes of memory", document.len());
        let ((read, findings), bytes) = measured(|| (Documents::read(&document), lint(&document, 0)));
        let most = document.len() * LINT_TIMES + ANYWAY;
        assert!(bytes <= most, "{what}: linting {} bytes took {bytes} bytes of memory", document.len());
        assert_eq!(loaded.is_ok(), findings.is_ok());
        assert!(read.is_ok() || loaded.is_err());
        let outcome = loaded.map(|snapshot| {
            evaluate(&snapshot);
            snapshot.warnings().iter().map(|warning| (warning.code, warning.pointer.clone())).collect()
        });
        assert!(began.elapsed() < TIME, "{what}: took {:?}", began.elapsed());
        outcome
    };
    let outcome = std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
    still_answers();
    outcome
}

/// Evaluates flags for a context that makes the most of them.
fn evaluate(snapshot: &Snapshot) {
    assert!(snapshot.describe().len() > 2);
    let long = "x".repeat(limits::MATCHED_BYTES);
    let context = NamedContext::new().with("user_id", "u").with("a", long.as_str()).with("b", 1.0);
    for index in (0..500).map(FlagIndex).take_while(|index| snapshot.flag(*index).is_some()) {
        let plain = snapshot.evaluate(Some(index), &context, &Request::at(0), &mut ());
        let (explained, steps) = snapshot.explain(Some(index), &context, &Request::at(0));
        assert_eq!((plain.enabled, plain.reason), (explained.enabled, explained.reason));
        assert_eq!(steps.last().map(|step| step.step), Some(plain.source));
        assert!(snapshot.reads(index).attributes.len() <= snapshot.attributes().len());
    }
}

fn still_answers() {
    let snapshot = Snapshot::parse(br#"{"flags":[{"key":"f"},{"key":"bad","type":"colour"}]}"#).unwrap();
    let decide = |key| snapshot.evaluate(snapshot.find(key), &NamedContext::new(), &Request::at(0), &mut ());
    assert!(decide("f").enabled);
    assert_eq!(decide("bad").reason, Reason::FlagInvalid);
}

/// The outcome is a refusal with this code.
#[track_caller]
pub fn refused(what: &str, document: impl Into<Vec<u8>>, code: FaultCode, pointer: &str) {
    let fault = suffer(what, document).expect_err(what);
    assert_eq!((fault.code, fault.pointer.as_str()), (code, pointer), "{what}");
}

/// The outcome is one warning, beside that of the document's size.
#[track_caller]
pub fn degraded(what: &str, document: impl Into<Vec<u8>>, code: WarningCode, pointer: &str) {
    let warnings = suffer(what, document).expect(what);
    let others: Vec<_> = warnings.iter().filter(|(code, _)| *code != WarningCode::LargeSnapshot).collect();
    assert_eq!(others, [&(code, pointer.to_owned())], "{what}");
}

/// The outcome is no warning, but for the document's size.
#[track_caller]
pub fn accepted(what: &str, document: impl Into<Vec<u8>>) {
    let warnings = suffer(what, document).expect(what);
    assert!(warnings.iter().all(|(code, _)| *code == WarningCode::LargeSnapshot), "{what}: {:?}", &warnings[..1]);
}
