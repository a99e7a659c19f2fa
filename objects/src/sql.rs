//! A tenant's SQLite database, as its object gives it: statements with bound parameters in, rows out.
//!
//! Parameters and rows cross into JavaScript as JSON, a statement at a time: one text crosses faster than its dozen of values. Values are
//! never put into a statement's text.

use burgee_control::{Read, Unreadable};
use serde::de::DeserializeOwned;
use serde_json::Value;
use worker::js_sys::Error;
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen]
extern "C" {
    /// The class `Database` of tenant.js.
    #[derive(Clone)]
    pub type Database;

    /// Runs one statement, with a JSON array of what is bound to its `?`, and gives its rows as a JSON array of arrays.
    #[wasm_bindgen(method, catch, js_name = query)]
    fn js_query(this: &Database, statement: &str, bound: &str) -> Result<String, JsValue>;
}

impl Database {
    /// Runs a statement and gives its rows, each a tuple of its columns.
    pub(crate) fn rows<T: DeserializeOwned>(&self, statement: &str, bound: &[Value]) -> Read<Vec<T>> {
        // Values can always be written.
        let bound = serde_json::to_string(bound).unwrap_or_default();
        let rows = self.js_query(statement, &bound).map_err(|error| {
            let why = error.dyn_ref::<Error>().map(|error| String::from(error.message())).or_else(|| error.as_string());
            Unreadable(format!("{} in {statement}", why.unwrap_or_default()))
        })?;
        serde_json::from_str(&rows)
            .map_err(|error| Unreadable(format!("a row is not as it should be: {error} in {statement}")))
    }

    /// The first row, if there is one.
    pub(crate) fn row<T: DeserializeOwned>(&self, statement: &str, bound: &[Value]) -> Read<Option<T>> {
        Ok(self.rows(statement, bound)?.into_iter().next())
    }

    /// The first column of each row.
    pub(crate) fn column<T: DeserializeOwned>(&self, statement: &str, bound: &[Value]) -> Read<Vec<T>> {
        Ok(self.rows::<(T,)>(statement, bound)?.into_iter().map(|(value,)| value).collect())
    }

    /// The first column of the first row, if there is one.
    pub(crate) fn value<T: DeserializeOwned>(&self, statement: &str, bound: &[Value]) -> Read<Option<T>> {
        Ok(self.row::<(T,)>(statement, bound)?.map(|(value,)| value))
    }

    /// Runs a statement that gives no rows.
    pub(crate) fn run(&self, statement: &str, bound: &[Value]) -> Read<()> {
        self.rows::<Value>(statement, bound).map(drop)
    }
}

/// What is bound to a statement's `?`, in their order.
macro_rules! bound {
    ($($value:expr),* $(,)?) => { &[$(::serde_json::json!($value)),*] };
}
pub(crate) use bound;
