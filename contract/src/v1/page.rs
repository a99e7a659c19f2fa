//! Pages of lists: where one ends, and the next begins.

use base64ct::{Base64UrlUnpadded, Encoding};
use burgee_control::Page;
use serde::{Deserialize, Serialize};

use super::params::Params;
use crate::envelope::Problem;
use crate::etag::{fnv1a, fnv1a_from};
use crate::http::Response;
use crate::limits;
use crate::operations::{Entry, Kind};

/// What a page token says: where the page before ended, and a hash that ties it to the tenant, the list and its filters. It is no signature: who makes one up sees
/// no more than what his token lets him see.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    /// The last key that was shown.
    k: String,
    /// The hash.
    h: u64,
}

/// A list as it is asked for.
pub(super) struct Listing {
    /// What to ask storage for: one entry more than is shown.
    pub(super) page: Page,
    shown: usize,
    hash: u64,
}

impl Listing {
    /// Reads `limit` and `page_token`.
    ///
    /// # Errors
    /// 400 for a token that is not of this list, of these filters and of this tenant.
    pub(super) fn read(entry: &Entry, params: &Params<'_>, tenant: &str) -> Result<Self, Problem> {
        Self::read_within(entry, params, tenant, "")
    }

    /// The same of a list that is one of many: `within` says which.
    ///
    /// # Errors
    /// As [`Listing::read`].
    pub(super) fn read_within(entry: &Entry, params: &Params<'_>, tenant: &str, within: &str) -> Result<Self, Problem> {
        let default = limits::LIST_ITEMS_DEFAULT;
        let shown = params.integer("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(default);
        let hash = filters(entry, params, tenant, within);
        let after = match params.get("page_token") {
            None => None,
            Some(token) => Some(open(token, hash).ok_or_else(|| {
                Problem::invalid("the parameter page_token is not of this list").hint(
                    "page tokens count for the tenant and the filters that they were given with; start without one",
                )
            })?),
        };
        Ok(Self { page: Page { after, limit: shown.saturating_add(1) }, shown, hash })
    }

    /// The answer: rows as JSON texts, each with its key; of one more than are shown it is known that there are more.
    pub(super) fn answer(&self, mut rows: Vec<(String, String)>) -> Response {
        let more = rows.len() > self.shown;
        rows.truncate(self.shown);
        let next = rows.last().filter(|_| more).map(|(key, _)| seal(key, self.hash));
        answer(rows.into_iter().map(|(_, json)| json), next.as_deref())
    }
}

/// A list of everything there is.
pub(super) fn whole(items: impl Iterator<Item = String>) -> Response {
    answer(items, None)
}

fn answer(items: impl Iterator<Item = String>, next: Option<&str>) -> Response {
    let mut body = String::from("{\"items\":[");
    for (place, item) in items.enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(&item);
    }
    // The token is of base64url's characters alone.
    match next {
        Some(token) => body.push_str(&format!("],\"next_page_token\":\"{token}\"}}")),
        None => body.push_str("],\"next_page_token\":null}"),
    }
    Response { body: body.into_bytes(), ..Response::new(200) }
        .with("Content-Type", "application/json")
        .with("Cache-Control", "no-store")
}

/// A hash of what the list is: the tenant, the operation and every filter.
fn filters(entry: &Entry, params: &Params<'_>, tenant: &str, within: &str) -> u64 {
    let filters = entry.query.iter().filter(|parameter| parameter.kind != Kind::PageToken && parameter.name != "limit");
    let values = filters.map(|parameter| params.get(parameter.name).unwrap_or_default());
    [tenant, entry.path, within].into_iter().chain(values).fold(fnv1a(b"page"), |hash, text| {
        // The length first, so that no two lists of texts are alike when they are put together.
        fnv1a_from(fnv1a_from(hash, &text.len().to_le_bytes()), text.as_bytes())
    })
}

fn seal(key: &str, hash: u64) -> String {
    let token = Token { k: key.to_owned(), h: fnv1a_from(hash, key.as_bytes()) };
    Base64UrlUnpadded::encode_string(&serde_json::to_vec(&token).unwrap_or_default())
}

fn open(token: &str, hash: u64) -> Option<String> {
    if token.len() > limits::TOKEN_BYTES {
        return None;
    }
    let token: Token = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(token).ok()?).ok()?;
    (token.h == fnv1a_from(hash, token.k.as_bytes())).then_some(token.k)
}
