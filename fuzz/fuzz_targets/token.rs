//! Searches for inputs that break [`burgee_fuzz::token`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| burgee_fuzz::token(input));
