//! Whether answers are what the description says: every test that has an answer may ask.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::http::Response;
use crate::operations;

fn description() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_slice(&crate::openapi::answer().unwrap().body).unwrap())
}

/// What checks values against a schema at a place of the description.
pub(crate) fn validator(pointer: &str) -> Rc<Validator> {
    thread_local! {
        static KEPT: RefCell<BTreeMap<String, Rc<Validator>>> = const { RefCell::new(BTreeMap::new()) };
    }
    KEPT.with_borrow_mut(|kept| {
        let make = || {
            let schema = json!({"$ref": format!("#{pointer}"), "components": description()["components"], "paths": description()["paths"]});
            let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
            Rc::new(options.build(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}")))
        };
        Rc::clone(kept.entry(pointer.to_owned()).or_insert_with(make))
    })
}

/// Checks that an answer has a status, a type and a body that the description gives for the request.
pub(crate) fn check(method: &str, path: &str, response: &Response) {
    let Some(template) = operations::template(path) else { return };
    let method = if method == "HEAD" { return } else { method.to_ascii_lowercase() };
    let path = template.replace("*}", "}");
    let Some(operation) = description()["paths"][&path].get(&method) else { return };
    let status = response.status.to_string();
    let answer = operation["responses"].get(&status).unwrap_or_else(|| panic!("{method} {path} answers {status}"));
    let Some(content) = answer.get("content") else {
        assert!(response.body.is_empty(), "{method} {path} {status} has a body");
        return;
    };
    let given = response.header("Content-Type").unwrap_or_default();
    let essence = given.split(';').next().unwrap();
    assert!(content.get(essence).is_some(), "{method} {path} {status} is {given}");
    if !essence.ends_with("json") {
        return;
    }
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let escape = |text: &str| text.replace('~', "~0").replace('/', "~1");
    let pointer = format!("/paths/{}/{method}/responses/{status}/content/{}/schema", escape(&path), escape(essence));
    // A pointer in `$ref` is part of a URI.
    let validator = validator(&pointer.replace('{', "%7B").replace('}', "%7D"));
    let errors: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{method} {path} {status}: {errors:#?}\n{body:#}");
}
