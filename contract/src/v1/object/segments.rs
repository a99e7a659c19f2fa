//! `/v1/segments`.

use burgee_control::{Command, Draft, Lists, SegmentRow, Store, Write};
use burgee_core::Json;

use super::{Answer, Asked, demanded, entity, is_held, not_found, tag};
use crate::envelope::Problem;
use crate::http::Response;
use crate::v1::input::{self, is_key};
use crate::v1::page::Listing;

fn tag_of(store: &(impl Lists + ?Sized), key: &str) -> impl Fn(u64) -> String {
    let (tenant, key) = (store.tenant().to_owned(), key.to_owned());
    move |version| tag("segment", &tenant, &key, version)
}

/// The row of a segment that is there.
fn present(store: &(impl Lists + ?Sized), key: &str) -> Result<Option<SegmentRow>, Problem> {
    Ok(if is_key(key) { store.segment(key)?.filter(|row| row.deleted_at.is_none()) } else { None })
}

pub(super) fn get(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let key = asked.segment("key")?;
    let row = present(store, &key)?.ok_or_else(|| not_found("segment"))?;
    let tag = tag_of(store, &key)(row.version);
    if is_held(asked.request, &tag) {
        return Ok(Response::new(304).with("Cache-Control", "private, no-cache").with("ETag", tag));
    }
    Ok(entity(200, &row.document, tag))
}

pub(super) fn list(asked: &Asked<'_>, store: &dyn Store) -> Answer {
    let params = &asked.params;
    let listing = Listing::read(asked.entry, params, store.tenant())?;
    let search = params.get("q").map(str::to_lowercase);
    let rows = store.segments(params.get("prefix"), search.as_deref(), &listing.page)?;
    Ok(listing.answer(rows.into_iter().map(|row| (row.key, row.document)).collect()))
}

pub(super) fn upsert(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let document = asked.document()?;
    let members = input::object(document)?;
    let key = members.iter().rev().find_map(|(name, json)| match json {
        Json::String(key) if name == "key" => Some(key.to_string()),
        _ => None,
    });
    let key = key.unwrap_or_default();
    let before = present(store, &key)?;
    let expected =
        demanded(asked.request, before.as_ref().map(|row| row.version), tag_of(store, &key), Some(document))?;
    let draft = Draft { key: None, document: document.to_owned(), write: Write::Upsert, expected };
    let status = if before.is_some() { 200 } else { 201 };
    change(asked, store, &Command::PutSegment(draft), &key, status)
}

pub(super) fn replace(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    put(asked, store, Write::Replace)
}

pub(super) fn merge(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    put(asked, store, Write::Merge)
}

fn put(asked: &Asked<'_>, store: &mut dyn Store, write: Write) -> Answer {
    let document = asked.document()?;
    let (key, expected) = existing(asked, store, Some(document))?;
    let draft = Draft { key: Some(key.clone()), document: document.to_owned(), write, expected };
    change(asked, store, &Command::PutSegment(draft), &key, 200)
}

pub(super) fn delete(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let (key, expected) = existing(asked, store, None)?;
    asked.run(store, &Command::DeleteSegment { key, expected })?.answer(|| Ok(Response::new(204)))
}

pub(super) fn restore(asked: &Asked<'_>, store: &mut dyn Store) -> Answer {
    let key = asked.segment("key")?.into_owned();
    // A deleted segment has a version still, and comes back from it.
    let row = if is_key(&key) { store.segment(&key)? } else { None }.ok_or_else(|| not_found("segment"))?;
    let expected = demanded(asked.request, Some(row.version), tag_of(store, &key), None)?;
    change(asked, store, &Command::RestoreSegment { key: key.clone(), expected }, &key, 200)
}

/// The key that the path names, of a segment that is there, and the version that is demanded of it.
fn existing(asked: &Asked<'_>, store: &dyn Store, document: Option<&str>) -> Result<(String, Option<u64>), Problem> {
    let key = asked.segment("key")?.into_owned();
    let row = present(store, &key)?.ok_or_else(|| not_found("segment"))?;
    let expected = demanded(asked.request, Some(row.version), tag_of(store, &key), document)?;
    Ok((key, expected))
}

fn change(asked: &Asked<'_>, store: &mut dyn Store, command: &Command, key: &str, status: u16) -> Answer {
    asked.run(store, command)?.answer(|| {
        let row = present(store, key)?.ok_or_else(|| not_found("segment"))?;
        Ok(entity(status, &row.document, tag_of(store, key)(row.version)))
    })
}
