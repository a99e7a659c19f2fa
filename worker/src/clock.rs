//! The time. The platform lets it pass only while a request waits for something, and to ask for it is a call into JavaScript.

use std::cell::Cell;

use worker::js_sys;

thread_local! {
    static STANDING: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The time, ms since the epoch.
pub(crate) fn now() -> i64 {
    STANDING.get().unwrap_or_else(|| js_sys::Date::now() as i64)
}

/// Does `work` at a time that the caller has just been told, ms since the epoch. What `work` leaves to be done once something was waited for
/// asks for the time anew.
pub(crate) fn at<T>(now: i64, work: impl FnOnce() -> T) -> T {
    STANDING.set(Some(now));
    let done = work();
    STANDING.set(None);
    done
}
