//! Asks every case through the OpenFeature SDK for Rust and its stock OFREP provider.
//!
//! Cases come on standard input, answers go to standard output, one line of JSON each; see `run.mjs`.

use std::collections::HashMap;
use std::error::Error;

use open_feature::{Client, EvaluationContext, EvaluationDetails, EvaluationError, EvaluationErrorCode, OpenFeature};
use open_feature::{FlagMetadataValue, StructValue, Value as Flag};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let asked: Value = serde_json::from_reader(std::io::stdin())?;
    let base = asked["base"].as_str().ok_or("base")?;
    let mut api = OpenFeature::default();
    let mut clients: HashMap<&str, Client> = HashMap::new();
    for case in asked["cases"].as_array().ok_or("cases")? {
        let tenant = case["tenant"].as_str().unwrap_or("platform");
        if !clients.contains_key(tenant) {
            let mut headers = HeaderMap::new();
            if case["tenant"].is_string() {
                headers.insert("X-Tenant-ID", HeaderValue::from_str(tenant)?);
            }
            let options =
                OfrepOptions { base_url: base.trim_end_matches('/').to_owned(), headers, ..Default::default() };
            api.set_named_provider(tenant, OfrepProvider::new(options).await.map_err(|error| error.to_string())?).await;
            clients.insert(tenant, api.create_named_client(tenant));
        }
        println!("{}", ask(&clients[tenant], case).await?);
    }
    Ok(())
}

async fn ask(client: &Client, case: &Value) -> Result<Value, Box<dyn Error>> {
    let flag = case["flag"].as_str().ok_or("flag")?;
    let context = context_of(&case["context"])?;
    let context = context.as_ref();
    Ok(match case["type"].as_str() {
        Some("boolean") => shown(case, client.get_bool_details(flag, context, None).await, Value::from),
        Some("string") => shown(case, client.get_string_details(flag, context, None).await, Value::from),
        Some("integer") => shown(case, client.get_int_details(flag, context, None).await, Value::from),
        Some("number") => shown(case, client.get_float_details(flag, context, None).await, Value::from),
        Some("object") => shown(case, client.get_struct_details::<StructValue>(flag, context, None).await, |value| {
            json_of(&Flag::Struct(value))
        }),
        other => return Err(format!("no type {other:?}").into()),
    })
}

/// What a caller gets, who takes its own default where there is an error.
fn shown<T>(case: &Value, result: Result<EvaluationDetails<T>, EvaluationError>, json_of: fn(T) -> Value) -> Value {
    match result {
        Ok(details) => json!({
            "id": case["id"],
            "value": json_of(details.value),
            "variant": details.variant,
            "reason": details.reason.map(|reason| reason.to_string()),
            "metadata": details.flag_metadata.values.iter().map(|(name, value)| (name.clone(), match value {
                FlagMetadataValue::Bool(value) => json!(value),
                FlagMetadataValue::Int(value) => json!(value),
                FlagMetadataValue::Float(value) => json!(value),
                FlagMetadataValue::String(value) => json!(value),
            })).collect::<Map<_, _>>(),
        }),
        Err(EvaluationError { code, message }) => json!({
            "id": case["id"],
            "value": case["default"],
            "reason": "ERROR",
            "errorCode": match code {
                EvaluationErrorCode::General(_) => "GENERAL".to_owned(),
                code => code.to_string(),
            },
            "errorMessage": message,
        }),
    }
}

fn context_of(json: &Value) -> Result<Option<EvaluationContext>, Box<dyn Error>> {
    let Some(members) = json.as_object() else { return Ok(None) };
    let mut context = EvaluationContext::default();
    for (name, value) in members {
        context = match (name.as_str(), value) {
            ("targetingKey", Value::String(key)) => context.with_targeting_key(key.as_str()),
            (name, Value::String(text)) => context.with_custom_field(name, text.as_str()),
            (name, Value::Bool(value)) => context.with_custom_field(name, *value),
            (name, Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => context.with_custom_field(name, integer),
                (None, Some(float)) => context.with_custom_field(name, float),
                (None, None) => return Err(format!("{name} is too large").into()),
            },
            (name, _) => return Err(format!("{name} cannot be sent by this client").into()),
        };
    }
    Ok(Some(context))
}

fn json_of(value: &Flag) -> Value {
    match value {
        Flag::Bool(value) => json!(value),
        Flag::Int(value) => json!(value),
        Flag::Float(value) => json!(value),
        Flag::String(value) => json!(value),
        Flag::Array(items) => items.iter().map(json_of).collect(),
        Flag::Struct(fields) => {
            fields.fields.iter().map(|(name, value)| (name.clone(), json_of(value))).collect::<Map<_, _>>().into()
        }
    }
}
