//! What other origins' pages may do: the one place.
//!
//! Any origin may ask, because answers depend on nothing that a browser adds by itself: there are no cookies, so a page
//! sends no more than its author could send from anywhere. For the same reason credentials are not allowed.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::http::{Header, Response};

/// Methods that some route answers, for paths that none does.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Headers of answers that a page may read beside those that it always may.
const EXPOSED: &str = "X-Request-Id, ETag, Allow, Retry-After, X-Burgee-Version, Burgee-Signature";

/// Seconds for which a browser need not ask again; browsers cut it to at most two hours or a day.
const MAX_AGE: &str = "86400";

/// Adds what every response carries.
pub(crate) fn allow(response: Response) -> Response {
    response.with("Access-Control-Allow-Origin", "*").with("Access-Control-Expose-Headers", EXPOSED)
}

/// The answer to an OPTIONS request, for any path: a preflight asks about the origin, and the page shall be able to read
/// the 404 that follows. `allowed` is what the path is served for; none where nothing is served there.
pub(crate) fn preflight(allowed: Option<&'static str>) -> Response {
    let methods = allowed.unwrap_or(METHODS);
    Response::new(204)
        .with("Allow", methods)
        .with("Access-Control-Allow-Methods", methods)
        .with("Access-Control-Allow-Headers", request_headers())
        .with("Access-Control-Max-Age", MAX_AGE)
}

/// The headers that are read.
fn request_headers() -> Cow<'static, str> {
    static NAMES: OnceLock<String> = OnceLock::new();
    let names = NAMES.get_or_init(|| Header::ALL.map(Header::name).join(", "));
    Cow::Borrowed(names)
}
