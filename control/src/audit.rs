//! The audit: entries that follow one from another, so that none can be changed or taken out unseen.

use std::fmt::Write;

use burgee_core::Json;
use burgee_core::time::{format_rfc3339, parse_rfc3339};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::diff::diff;
use crate::limits;
use crate::rows::AuditRow;
use crate::state::Unreadable;

/// `prev_hash` of the first entry.
pub const FIRST_PREV_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What an entry says, before it has its place among the others.
pub(crate) struct Entry<'a> {
    pub actor: &'a str,
    pub action: &'a str,
    pub entity: &'static str,
    pub entity_key: &'a str,
    pub version: Option<u64>,
    pub request_id: &'a str,
    /// JSON texts.
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
    pub approved_by: Option<&'a str>,
}

/// An entry as it is hashed; the order of the fields is what makes it canonical.
#[derive(Serialize)]
struct Document<'a> {
    seq: u64,
    at: String,
    actor: &'a str,
    action: &'a str,
    entity: &'a str,
    entity_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    request_id: &'a str,
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
    diff: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<&'a str>,
    prev_hash: &'a str,
}

/// What an entry keeps of a document that is too long.
#[derive(Serialize)]
struct Digested {
    bytes: usize,
    sha256: String,
}

impl Entry<'_> {
    /// The entry behind the one of hash `prev_hash`, at `at` ms since the epoch.
    pub(crate) fn row(&self, seq: u64, at: i64, prev_hash: &str) -> Result<AuditRow, Unreadable> {
        let unreadable = |_| Unreadable("a row's document is not JSON".to_owned());
        let patch = self.patch()?;
        let bytes =
            [self.before, self.after].iter().flatten().fold(0_usize, |sum, text| sum.saturating_add(text.len()));
        let keep = |text: &str| -> Result<Box<RawValue>, serde_json::Error> {
            if bytes > limits::AUDIT_BYTES {
                let digest = Digested { bytes: text.len(), sha256: sha256_hex(text.as_bytes()) };
                serde_json::value::to_raw_value(&digest)
            } else {
                RawValue::from_string(text.to_owned())
            }
        };
        let before = self.before.map(keep).transpose().map_err(unreadable)?;
        let after = self.after.map(keep).transpose().map_err(unreadable)?;
        let document = Document {
            seq,
            at: format_rfc3339(at),
            actor: self.actor,
            action: self.action,
            entity: self.entity,
            entity_key: self.entity_key,
            version: self.version,
            request_id: self.request_id,
            before: before.as_deref(),
            after: after.as_deref(),
            diff: patch.as_deref(),
            approved_by: self.approved_by,
            prev_hash,
        };
        let document = serde_json::to_string(&document).map_err(unreadable)?;
        Ok(AuditRow {
            seq,
            at,
            actor: self.actor.to_owned(),
            action: self.action.to_owned(),
            entity: self.entity,
            entity_key: self.entity_key.to_owned(),
            hash: sha256_hex(document.as_bytes()),
            document,
        })
    }

    /// From before to after; none where one of the two is nothing, or where it is too long itself.
    fn patch(&self) -> Result<Option<Box<RawValue>>, Unreadable> {
        let unreadable = |_| Unreadable("a row's document is not JSON".to_owned());
        let (Some(before), Some(after)) = (self.before, self.after) else { return Ok(None) };
        let before = Json::parse(before).map_err(unreadable)?;
        let after = Json::parse(after).map_err(unreadable)?;
        let patch = serde_json::value::to_raw_value(&diff(&before, &after)).map_err(unreadable)?;
        Ok(Some(patch).filter(|patch| patch.get().len() <= limits::AUDIT_BYTES))
    }
}

/// The first entry, by its seq, that does not follow from the one before; none where all do. `prev_hash` is the hash of the entry before the first of
/// `rows`, [`FIRST_PREV_HASH`] before any; `seq` is the seq that the first must have. What lists are filtered by stands beside the document that is hashed, and
/// must say the same: an entry could otherwise be hidden from whoever asks for it.
#[must_use]
pub fn broken_at<'r>(prev_hash: &str, seq: u64, rows: impl IntoIterator<Item = &'r AuditRow>) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Chained {
        seq: u64,
        at: String,
        actor: String,
        action: String,
        entity: String,
        entity_key: String,
        prev_hash: String,
    }
    let (mut prev_hash, mut seq) = (prev_hash.to_owned(), seq);
    for row in rows {
        let chained: Option<Chained> = serde_json::from_str(&row.document).ok();
        let follows = chained.is_some_and(|chained| {
            chained.prev_hash == prev_hash
                && chained.seq == seq
                && parse_rfc3339(&chained.at) == Some(row.at)
                && chained.actor == row.actor
                && chained.action == row.action
                && chained.entity == row.entity
                && chained.entity_key == row.entity_key
        });
        if !follows || row.seq != seq || row.hash != sha256_hex(row.document.as_bytes()) {
            return Some(seq);
        }
        seq = seq.saturating_add(1);
        prev_hash.clone_from(&row.hash);
    }
    None
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(before: Option<&'a str>, after: Option<&'a str>) -> Entry<'a> {
        Entry {
            actor: "ann",
            action: "updated",
            entity: "flag",
            entity_key: "checkout",
            version: Some(2),
            request_id: "r1",
            before,
            after,
            approved_by: Some("bob"),
        }
    }

    fn chain(length: u64) -> Vec<AuditRow> {
        let mut rows: Vec<AuditRow> = Vec::new();
        for seq in 1..=length {
            let prev_hash = rows.last().map_or(FIRST_PREV_HASH, |row| &row.hash).to_owned();
            rows.push(entry(Some(r#"{"n":1}"#), Some(r#"{"n":2}"#)).row(seq, 1_000, &prev_hash).unwrap());
        }
        rows
    }

    #[test]
    fn members_stand_in_their_order() {
        let row = entry(Some(r#"{"n":1.0}"#), Some(r#"{"n":2.0}"#)).row(1, 1_000, FIRST_PREV_HASH).unwrap();
        let expected = format!(
            r#"{{"seq":1,"at":"1970-01-01T00:00:01.000Z","actor":"ann","action":"updated","entity":"flag","entity_key":"checkout","version":2,"request_id":"r1","before":{{"n":1.0}},"after":{{"n":2.0}},"diff":[{{"op":"replace","path":"/n","value":2.0}}],"approved_by":"bob","prev_hash":"{FIRST_PREV_HASH}"}}"#
        );
        assert_eq!(row.document, expected);
        // Of the text as `sha256sum` gives it.
        assert_eq!(row.hash, sha256_hex(expected.as_bytes()));
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn what_begins_or_ends_has_no_diff() {
        let created = entry(None, Some("{}")).row(1, 0, FIRST_PREV_HASH).unwrap();
        assert!(created.document.contains(r#""before":null,"after":{},"diff":null"#), "{}", created.document);
    }

    #[test]
    fn long_documents_are_digested() {
        let (before, after) = (format!("[\"{}\",1]", "a".repeat(limits::AUDIT_BYTES)), "[]");
        let row = entry(Some(&before), Some(after)).row(1, 0, FIRST_PREV_HASH).unwrap();
        let json: serde_json::Value = serde_json::from_str(&row.document).unwrap();
        assert_eq!(json["before"]["bytes"], before.len());
        assert_eq!(json["before"]["sha256"], sha256_hex(before.as_bytes()));
        assert_eq!(json["after"]["bytes"], 2);
        assert_eq!(json["diff"][0]["op"], "remove");
    }

    #[test]
    fn a_chain_breaks_where_it_was_touched() {
        let rows = chain(5);
        assert_eq!(broken_at(FIRST_PREV_HASH, 1, &rows), None);
        assert_eq!(broken_at(&rows[1].hash, 3, &rows[2..]), None);
        assert_eq!(broken_at(FIRST_PREV_HASH, 3, &rows[2..]), Some(3));
        let mut touched = rows.clone();
        touched[2].document = touched[2].document.replace("ann", "eve");
        assert_eq!(broken_at(FIRST_PREV_HASH, 1, &touched), Some(3));
        // Whoever makes the hash fit breaks the next one.
        touched[2].actor = "eve".to_owned();
        touched[2].hash = sha256_hex(touched[2].document.as_bytes());
        assert_eq!(broken_at(FIRST_PREV_HASH, 1, &touched), Some(4));
        for hide in [
            |row: &mut AuditRow| row.at += 1,
            |row: &mut AuditRow| row.actor = "eve".to_owned(),
            |row: &mut AuditRow| row.action = "created".to_owned(),
            |row: &mut AuditRow| row.entity = "segment",
            |row: &mut AuditRow| row.entity_key = "other".to_owned(),
        ] {
            let mut hidden = rows.clone();
            hide(&mut hidden[2]);
            assert_eq!(broken_at(FIRST_PREV_HASH, 1, &hidden), Some(3), "{:?}", hidden[2]);
        }
        let mut without = rows.clone();
        without.remove(1);
        assert_eq!(broken_at(FIRST_PREV_HASH, 1, &without), Some(2));
    }
}
