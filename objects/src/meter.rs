//! The sums of all isolates, in the object `Meter`. What deltas mean, and that each counts once, is `burgee_contract::metrics`.

use burgee_contract::metrics::{Build, Delta, Ledger, Seen, Series, TenantReport, Totals, take};
use worker::js_sys::Array;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// The class `Rows` of meter.js: a SQLite database, as the object holds it.
    pub type Rows;

    #[wasm_bindgen(method, catch)]
    fn first(this: &Rows, statement: &str, bound: &Array) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn run(this: &Rows, statement: &str, bound: &Array) -> Result<(), JsValue>;
}

/// Takes a delta at a time (ms since the epoch) into the object's tables, all of it within the transaction that meter.js holds.
///
/// # Errors
/// It cannot be read, or the tables cannot be written.
#[wasm_bindgen(js_name = meterTake)]
pub fn take_delta(rows: &Rows, delta: &str, now: f64) -> Result<bool, JsValue> {
    let delta: Delta = serde_json::from_str(delta).map_err(|error| JsValue::from_str(&error.to_string()))?;
    take(&mut Stored(rows), &delta, now as i64)
}

/// Keeps a tenant's report.
///
/// # Errors
/// It cannot be read, or the tables cannot be written.
#[wasm_bindgen(js_name = meterReport)]
pub fn take_report(rows: &Rows, report: &str) -> Result<(), JsValue> {
    let report: TenantReport = serde_json::from_str(report).map_err(|error| JsValue::from_str(&error.to_string()))?;
    Stored(rows).report(&report)
}

/// The text that shows what is in the object's tables, which come as JSON of [`Totals`], at a time (ms since the epoch).
///
/// # Errors
/// The tables hold what this version cannot read.
#[wasm_bindgen(js_name = meterRender)]
pub fn render(totals: &str, now: f64) -> Result<String, JsValue> {
    let totals: Totals = serde_json::from_str(totals).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let build =
        Build { service_version: crate::SERVICE_VERSION, evaluator_version: burgee_contract::EVALUATOR_VERSION };
    Ok(totals.render(now as i64, &build))
}

/// The tables of meter.js as a ledger.
struct Stored<'a>(&'a Rows);

fn bound<const N: usize>(values: [JsValue; N]) -> Array {
    values.into_iter().collect()
}

impl Ledger for Stored<'_> {
    type Error = JsValue;

    fn seen(&mut self, isolate: &str) -> Result<Seen, JsValue> {
        let seen = self.0.first("SELECT seen FROM isolate WHERE name = ?", &bound([isolate.into()]))?;
        let Some(seen) = seen.as_string() else { return Ok(Seen::default()) };
        serde_json::from_str(&seen).map_err(|error| JsValue::from_str(&error.to_string()))
    }

    fn note(&mut self, isolate: &str, seen: &Seen, at: i64) -> Result<(), JsValue> {
        // Numbers can always be written.
        let seen = serde_json::to_string(seen).unwrap_or_default();
        let values = bound([isolate.into(), seen.into(), (at as f64).into()]);
        self.0.run("INSERT OR REPLACE INTO isolate (name, seen, at) VALUES (?, ?, ?)", &values)
    }

    fn add(&mut self, series: &Series, count: u64) -> Result<(), JsValue> {
        let values = bound([series.as_str().into(), (count as f64).into()]);
        let statement = "INSERT INTO total (series, count) VALUES (?, ?) \
                         ON CONFLICT (series) DO UPDATE SET count = count + excluded.count";
        self.0.run(statement, &values)
    }

    fn confirm(&mut self, tenant: &str, at: i64) -> Result<(), JsValue> {
        let statement = "INSERT INTO confirmed (tenant, at) VALUES (?, ?) \
                         ON CONFLICT (tenant) DO UPDATE SET at = max(at, excluded.at)";
        self.0.run(statement, &bound([tenant.into(), (at as f64).into()]))
    }

    fn forget(&mut self, before: i64) -> Result<(), JsValue> {
        let before = JsValue::from(before as f64);
        self.0.run("DELETE FROM isolate WHERE at < ?", &bound([before.clone()]))?;
        self.0.run("DELETE FROM confirmed WHERE at < ?", &bound([before]))
    }

    fn report(&mut self, report: &TenantReport) -> Result<(), JsValue> {
        // Texts and numbers can always be written.
        let text = serde_json::to_string(report).unwrap_or_default();
        let values = bound([report.tenant.as_str().into(), (report.at as f64).into(), text.into()]);
        let statement = "INSERT INTO report (tenant, at, report) VALUES (?, ?, ?) ON CONFLICT (tenant) \
                         DO UPDATE SET at = excluded.at, report = excluded.report WHERE excluded.at >= at";
        self.0.run(statement, &values)
    }
}
