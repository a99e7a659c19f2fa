//! burgee's evaluator for JavaScript: thin bindings over `burgee-core`, without logic of their own.
//!
//! Strings and objects are what is slow about calling wasm, so the calls that happen often pass numbers alone. What is not a number
//! is written by the caller into a scratch buffer inside this module's memory ([`Snapshot::scratch`]), and what comes back is a number
//! that names a decision ([`pack`]). `npm/src` is the other half of this boundary, and the only caller.

// Without std, a panic carries neither text nor formatting into the module: it is a trap, and JavaScript starts a new instance.
// Only the module that is shipped is built so; tests link std, which brings a panic handler of its own.
#![cfg_attr(feature = "module", no_std)]

extern crate alloc;

mod wire;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use burgee_core::{
    Decision, DecisionJson, FlagIndex, Overrides, Reason, Request, ResolutionReason, Snapshot as CoreSnapshot, Source,
    Text, Verdict,
};
use wasm_bindgen::prelude::*;

use wire::{Slots, WireContext};

#[cfg(feature = "module")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[cfg(feature = "module")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Bytes that JavaScript writes and Rust reads.
#[derive(Default)]
struct Scratch(Vec<u8>);

impl Scratch {
    /// A buffer above this size is given back once it was read, so that one large input does not hold memory for ever.
    const KEPT: usize = 64 * 1024;

    /// The address of at least `length` bytes, whose content is undefined.
    fn reserve(&mut self, length: usize) -> *mut u8 {
        if self.0.len() < length {
            self.0.clear();
            self.0.resize(length.max(1024), 0);
        }
        self.0.as_mut_ptr()
    }

    fn fill(&mut self, bytes: &[u8]) -> usize {
        self.reserve(bytes.len());
        self.0.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        bytes.len()
    }

    fn bytes(&self, length: usize) -> &[u8] {
        self.0.get(..length).unwrap_or(&self.0)
    }

    fn trim(&mut self) {
        if self.0.len() > Self::KEPT {
            self.0 = Vec::new();
        }
    }
}

/// What needs no snapshot: hashing, and compiling snapshots.
#[wasm_bindgen]
#[derive(Default)]
pub struct Engine {
    scratch: Scratch,
}

#[wasm_bindgen]
impl Engine {
    /// An engine with an empty scratch buffer.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Gives the address of the engine's scratch buffer, of at least `length` bytes. Any call may move memory: the caller takes
    /// its view of it anew after this one.
    pub fn scratch(&mut self, length: usize) -> *mut u8 {
        self.scratch.reserve(length)
    }

    /// The `djb2-xor` bucket, 0 to 99, of the text (generalised UTF-8) in the scratch buffer.
    #[wasm_bindgen(js_name = hashBucket)]
    pub fn hash_bucket(&mut self, length: usize) -> u32 {
        let bucket = burgee_core::hash_bucket(Text::from_wtf8(self.scratch.bytes(length)));
        self.scratch.trim();
        bucket
    }

    /// Compiles the snapshot or registry whose JSON (UTF-8) is in the scratch buffer.
    ///
    /// # Errors
    /// A refused document: the fault as JSON, `{code, pointer, message}`.
    pub fn compile(&mut self, length: usize) -> Result<Snapshot, String> {
        let parsed = CoreSnapshot::parse(self.scratch.bytes(length));
        self.scratch.trim();
        let core = parsed.map_err(|fault| fault.to_text())?;
        let slots = || Slots::new(core.attributes().len());
        let (slots, told) = (slots(), slots());
        Ok(Snapshot { core, scratch: Scratch::default(), slots, told, all: Vec::new() })
    }

    /// Looks over the document in the scratch buffer; `now` is in ms since the epoch. Gives the findings as JSON, see [`burgee_core::findings_to_text`].
    ///
    /// # Errors
    /// A refused document: the fault as JSON.
    #[cfg(feature = "tools")]
    pub fn lint(&mut self, length: usize, now: f64) -> Result<String, String> {
        let findings = burgee_core::lint::lint(self.scratch.bytes(length), milliseconds(now));
        self.scratch.trim();
        findings.map(|findings| burgee_core::findings_to_text(&findings)).map_err(|fault| fault.to_text())
    }

    /// Reads the entries of the document in the scratch buffer in their canonical form, and all faults of those that are at fault. Gives JSON, see
    /// [`burgee_core::Documents::to_text`].
    ///
    /// # Errors
    /// A refused document: the fault as JSON.
    #[cfg(feature = "tools")]
    pub fn documents(&mut self, length: usize) -> Result<String, String> {
        let documents = burgee_core::Documents::read(self.scratch.bytes(length));
        self.scratch.trim();
        documents.map(|documents| documents.to_text()).map_err(|fault| fault.to_text())
    }

    /// Traps, as a defect would. Tests call it to show that a trap does not poison later calls.
    pub fn trap(&self) {
        #[cfg(target_arch = "wasm32")]
        core::arch::wasm32::unreachable();
    }
}

/// A compiled snapshot.
#[wasm_bindgen]
pub struct Snapshot {
    core: CoreSnapshot,
    scratch: Scratch,
    /// Of the context in the scratch buffer.
    slots: Slots,
    /// Written by JavaScript: of each attribute that the flag reads which is evaluated next.
    told: Slots,
    /// What [`Snapshot::evaluate_all`] gave last; JavaScript reads it in place.
    all: Vec<u32>,
}

/// A context that was written once, to be evaluated often.
#[wasm_bindgen]
pub struct Context {
    bytes: Box<[u8]>,
    slots: Slots,
}

impl Context {
    #[inline]
    fn as_wire(&self) -> WireContext<'_> {
        WireContext::new(&self.bytes, &self.slots)
    }
}

#[wasm_bindgen]
impl Snapshot {
    /// As [`Engine::scratch`], for contexts that the snapshot's flags are evaluated for.
    pub fn scratch(&mut self, length: usize) -> *mut u8 {
        self.scratch.reserve(length)
    }

    /// Keeps the context that is in the scratch buffer.
    pub fn keep(&self, length: usize) -> Context {
        let bytes = self.scratch.bytes(length);
        let mut slots = Slots::new(self.core.attributes().len());
        slots.read_known(bytes, |text| self.core.symbol(text));
        Context { bytes: bytes.into(), slots }
    }

    /// The address of the slots that [`Snapshot::evaluate_told`] reads, one for each attribute, of 16 bytes.
    pub fn told(&mut self) -> *mut u8 {
        self.told.address()
    }

    /// What the caller keeps of the whole, as JSON: `{tenant, version, generated_at, attributes, flags, warnings}`, with
    /// attributes and flags as names in the order of their numbers.
    pub fn describe(&self) -> String {
        self.core.describe()
    }

    /// What the caller keeps of one flag, as JSON: see [`CoreSnapshot::describe_flag`]. `reads` are the attributes that must be written
    /// for its evaluation, `reads_flags` the numbers of the flags whose inline overrides must be.
    pub fn flag(&self, flag: u32) -> String {
        self.core.describe_flag(FlagIndex(flag))
    }

    /// Decides a flag for the context in the scratch buffer, at `now` (ms since the epoch). Gives the decision [`pack`]ed.
    pub fn evaluate(&mut self, flag: u32, length: usize, now: f64) -> u32 {
        let bytes = self.scratch.bytes(length);
        self.slots.read(bytes);
        self.decide(flag, &WireContext::new(bytes, &self.slots), None, now)
    }

    /// As [`Snapshot::evaluate`], for the context in the slots of [`Snapshot::told`], with texts in the scratch buffer.
    #[wasm_bindgen(js_name = evaluateTold)]
    pub fn evaluate_told(&self, flag: u32, now: f64) -> u32 {
        self.decide(flag, &WireContext::new(&self.scratch.0, &self.told), None, now)
    }

    /// As [`Snapshot::evaluate`], with the inline overrides behind the context.
    #[wasm_bindgen(js_name = evaluateOverridden)]
    pub fn evaluate_overridden(&mut self, flag: u32, length: usize, now: f64) -> u32 {
        let bytes = self.scratch.bytes(length);
        self.slots.read(bytes);
        let context = WireContext::new(bytes, &self.slots);
        self.decide(flag, &context, Some(&context), now)
    }

    /// As [`Snapshot::evaluate`], for a context that was kept.
    #[wasm_bindgen(js_name = evaluateKept)]
    pub fn evaluate_kept(&self, flag: u32, context: &Context, now: f64) -> u32 {
        self.decide(flag, &context.as_wire(), None, now)
    }

    /// Decides every flag for a context that was kept, without inline overrides. Gives the address of as many packed decisions as there are flags.
    #[wasm_bindgen(js_name = evaluateAll)]
    pub fn evaluate_all(&mut self, context: &Context, now: f64) -> *const u32 {
        let mut all = core::mem::take(&mut self.all);
        all.clear();
        let (context, request) = (context.as_wire(), Request::at(milliseconds(now)));
        all.extend((0..).zip(self.core.flags()).map(|(flag, _)| self.packed(flag, &context, &request)));
        self.all = all;
        self.all.as_ptr()
    }

    /// What a number that [`pack`] made stands for, as JSON: see [`CoreSnapshot::describe_decision`]. The caller knows the flag's key.
    pub fn unpack(&self, flag: u32, packed: u32) -> String {
        let flag = self.core.flag(FlagIndex(flag));
        let place = u16::try_from(packed >> 18 & 0x7f).ok().filter(|place| *place != 127);
        let decision = Decision {
            flag,
            variant: flag.and_then(|flag| flag.variants().get(packed as usize & 0x1ff)),
            enabled: packed >> 25 & 1 == 1,
            source: at(&Source::ALL, packed >> 9 & 0xf),
            reason: at(&Reason::ALL, packed >> 13 & 0x1f),
            place,
            bucket: None,
            threshold: None,
            stage: None,
        };
        self.core.describe_decision(&decision, at(&ResolutionReason::ALL, packed >> 26 & 0x7))
    }

    /// Decides a flag for the context in the scratch buffer, in full: the decision as JSON, with its reason chain, or with what each
    /// step compared if `explain` says so. The caller knows the flag's key, and puts it in.
    #[wasm_bindgen(js_name = evaluateFull)]
    pub fn evaluate_full(&mut self, flag: u32, length: usize, now: f64, explain: bool) -> String {
        let bytes = self.scratch.bytes(length);
        self.slots.read(bytes);
        let context = WireContext::new(bytes, &self.slots);
        let request = Request { overrides: Some(&context), ..Request::at(milliseconds(now)) };
        let (decision, steps) = self.core.explain(Some(FlagIndex(flag)), &context, &request);
        DecisionJson { flag_key: "", decision: &decision, steps: &steps, explain }.to_text()
    }
}

impl Engine {
    /// Fills the scratch buffer, as JavaScript does through its address. For tests in Rust.
    #[doc(hidden)]
    pub fn fill(&mut self, bytes: &[u8]) -> usize {
        self.scratch.fill(bytes)
    }
}

impl Snapshot {
    /// As [`Engine::fill`].
    #[doc(hidden)]
    pub fn fill(&mut self, bytes: &[u8]) -> usize {
        self.scratch.fill(bytes)
    }

    /// The verdict as a number.
    #[inline(always)]
    fn decide(&self, flag: u32, context: &WireContext<'_>, overrides: Option<&dyn Overrides>, now: f64) -> u32 {
        self.packed(flag, context, &Request { overrides, ..Request::at(milliseconds(now)) })
    }

    /// The same. The walk is inlined here, once for all calls.
    #[inline(never)]
    fn packed(&self, flag: u32, context: &WireContext<'_>, request: &Request<'_>) -> u32 {
        pack(self.core.verdict(Some(FlagIndex(flag)), context, request))
    }
}

/// A time as JavaScript gives it, which may have a fraction: the last whole millisecond.
fn milliseconds(now: f64) -> i64 {
    let whole = now as i64;
    if whole as f64 > now { whole.saturating_sub(1) } else { whole }
}

/// The element at a place, which [`pack`] took from a list as long as this one; the first past the last.
fn at<T: Copy>(all: &[T], place: u32) -> T {
    all.get(place as usize).copied().unwrap_or(all[0])
}

/// A decision as a number: what the caller looks up to get an object that it has made before.
///
/// | bits | |
/// |---|---|
/// | 0–8 | the variant's place, 511 for none |
/// | 9–12 | the source, by its place in `Source::ALL` |
/// | 13–17 | the reason, by its place in `Reason::ALL` |
/// | 18–24 | the place of the rule, or of the prerequisite that is not met; 127 for none |
/// | 25 | whether it is enabled |
/// | 26–28 | OpenFeature's reason, by its place in `ResolutionReason::ALL` |
#[inline(always)]
fn pack(verdict: Verdict) -> u32 {
    u32::from(verdict.variant().unwrap_or(511))
        | (verdict.source() as u32) << 9
        | (verdict.reason() as u32) << 13
        | u32::from(verdict.place().unwrap_or(127)) << 18
        | u32::from(verdict.enabled()) << 25
        | (verdict.resolution_reason() as u32) << 26
}
