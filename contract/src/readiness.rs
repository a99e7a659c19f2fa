//! `GET /readyz`: whether this place can answer from what is current enough.

use crate::envelope::ErrorCode;
use crate::http::Response;
use crate::limits;
use crate::respond::Registry;
use crate::settings::Settings;

/// Whether the tenant's object, which writes its flags, could be asked when its registry was last read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truth {
    /// There is none, or nothing was ever written to it: what is published stands alone.
    #[default]
    Absent,
    /// It answered.
    Reachable,
    /// It did not.
    Unreachable,
}

/// How old a snapshot may be where one is ready, in ms: so long that several refreshes must have failed.
pub(crate) fn age_limit_ms(settings: &Settings) -> i64 {
    settings.soft_ttl_ms.saturating_mul(limits::READY_AGE_SOFT_TTLS).max(limits::READY_AGE_LEAST_MS)
}

/// `ready`, or what is missing, all of it; `age_limit_ms` is how long ago the snapshot may have been confirmed.
#[inline(never)]
pub(crate) fn answer(registry: Registry<'_>, truth: Truth, age_limit_ms: i64, now: i64) -> Response {
    let mut missing = Vec::new();
    match registry {
        Registry::Ready(served) => {
            let age = now.saturating_sub(served.confirmed_at);
            if age > age_limit_ms {
                let (age, limit) = (age / 1000, age_limit_ms / 1000);
                missing.push(format!("the snapshot was last confirmed {age} s ago, and may have been {limit} s ago"));
            }
        }
        Registry::Unavailable(_) | Registry::NotAsked => missing.push("no snapshot".to_owned()),
    }
    if truth == Truth::Unreachable {
        missing.push("the tenant's object cannot be reached".to_owned());
    }
    if missing.is_empty() {
        return Response::text(200, "ready");
    }
    let text = format!("not ready: {}", missing.join("; "));
    Response { error: Some(ErrorCode::RegistryUnavailable), ..Response::text(503, &text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freshness::Cache;
    use crate::loaded::{Loaded, ReadFault, Served};

    #[test]
    fn the_text_names_all_that_is_missing() {
        let loaded = Loaded::read(br#"{"flags": []}"#.to_vec()).unwrap();
        let fault = ReadFault::missing("platform");
        let limit = age_limit_ms(&Settings::default());
        assert_eq!(limit, 60_000);
        let confirmed = |ago: i64| {
            Registry::Ready(Served {
                loaded: &loaded,
                backing: crate::BackingState::KvBacked,
                cache: Cache::Stale,
                confirmed_at: 1_000_000 - ago,
                fault: None,
                gate: &crate::sensitive::CLOSED,
            })
        };
        let old = "the snapshot was last confirmed 60 s ago, and may have been 60 s ago";
        let object = "the tenant's object cannot be reached";
        for (registry, truth, status, text) in [
            (confirmed(0), Truth::Absent, 200, "ready".to_owned()),
            (confirmed(60_000), Truth::Reachable, 200, "ready".to_owned()),
            (confirmed(-5_000), Truth::Reachable, 200, "ready".to_owned()),
            (confirmed(60_001), Truth::Reachable, 503, format!("not ready: {old}")),
            (confirmed(0), Truth::Unreachable, 503, format!("not ready: {object}")),
            (confirmed(60_001), Truth::Unreachable, 503, format!("not ready: {old}; {object}")),
            (Registry::Unavailable(&fault), Truth::Absent, 503, "not ready: no snapshot".to_owned()),
            (Registry::Unavailable(&fault), Truth::Unreachable, 503, format!("not ready: no snapshot; {object}")),
        ] {
            let response = answer(registry, truth, limit, 1_000_000);
            assert_eq!((response.status, String::from_utf8(response.body).unwrap()), (status, text));
            assert_eq!(response.error.is_some(), status == 503);
        }
    }

    #[test]
    fn the_limit_grows_with_the_soft_ttl() {
        for (soft_ttl_ms, limit) in [(0, 60_000), (6_000, 60_000), (30_000, 300_000)] {
            assert_eq!(age_limit_ms(&Settings { soft_ttl_ms, ..Settings::default() }), limit);
        }
    }
}
