//! Requests that a tenant's object answers: carried there with what the edge knows of them, and their answers passed on.

use std::rc::Rc;

use burgee_contract::metrics::Evaluations;
use burgee_contract::{
    Body, Carried, ErrorCode, Plan, Problem, Registry, Request, Response, Route, Settings, pass_on, v1,
};
use worker::Env;
use worker::wasm_bindgen::JsValue;

use crate::{Asked, bridge, registries};

/// Carries a request that [`Plan::carry`] says is to be carried, and gives the response.
pub(crate) async fn carry(asked: Asked, settings: Rc<Settings>, env: Env) -> Result<JsValue, JsValue> {
    let request = asked.request();
    let plan = Plan::of(&request, &settings, asked.now());
    let Some(carried) = plan.carry() else { return Err(JsValue::from("the request is not to be carried")) };
    let tenant = carried.tenant.to_owned();
    let lines = headers(&asked, &request, &tenant, carried.principal);
    if let Route::V1(v1::Operation::Events) | Route::OfrepEvents = asked.route {
        return Ok(stream(&asked, &request, &tenant, &env).await);
    }
    let response = match bridge::carry(&env, &tenant, &request, &lines).await {
        bridge::Carried::Answered(response) => {
            if let Some(version) = response.header("X-Burgee-Version").and_then(|version| version.parse().ok()) {
                registries::want(&tenant, version, settings.backing);
            }
            pass_on(response, request.method, &asked.moment())
        }
        bridge::Carried::Lost => asked.refusal(&Problem::new(
            ErrorCode::InternalError,
            "the request was lost: the tenant's object stopped, and starts anew; nothing was changed",
        )),
        bridge::Carried::Unreachable(why) => {
            let known = if matches!(request.method, "GET" | "HEAD") {
                ""
            } else {
                ": whether anything was changed is not known"
            };
            let message = format!("the tenant's object cannot be reached{known}");
            bridge::log_fault("the tenant's object cannot be reached", &tenant, &asked.id, &why, crate::now());
            asked.refusal(&Problem::new(ErrorCode::Unavailable, message).hint("ask again in a moment"))
        }
    };
    Ok(asked.send(&request, &response, Some(&tenant), None).into())
}

/// The headers that the object is given, names and values each on a line: the edge's own, and of the caller's those that [`Carried::HEADERS`] names.
/// A caller's header with the name of one of the edge's never comes this far.
fn headers(asked: &Asked, request: &Request<'_>, tenant: &str, principal: &v1::Principal) -> String {
    // Texts can always be written; what is not ASCII is escaped, for headers are not UTF-8 everywhere.
    let principal = escaped(&serde_json::to_string(principal).unwrap_or_default());
    let mut lines = format!("X-Burgee-Tenant\n{tenant}\nX-Burgee-Principal\n{principal}\nX-Request-Id\n{}\n", asked.id);
    let broken = match request.body {
        Body::TooLarge => Some("too-large"),
        Body::Broken => Some("broken"),
        Body::None | Body::Bytes(_) => None,
    };
    if let Some(broken) = broken {
        lines.push_str(&format!("X-Burgee-Body\n{broken}\n"));
    }
    if let Some(now) = asked.test_now {
        lines.push_str(&format!("X-Burgee-Test-Now\n{now}\n"));
    }
    for header in Carried::HEADERS {
        if let Some(value) = request.headers.get(header) {
            lines.push_str(&format!("{}\n{value}\n", header.name()));
        }
    }
    lines
}

/// JSON of which every character is ASCII.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// An event stream, fed by the object; a refusal where the request is wrong or the object cannot be reached.
async fn stream(asked: &Asked, request: &Request<'_>, tenant: &str, env: &Env) -> JsValue {
    let kind = if asked.route == Route::OfrepEvents { "ofrep" } else { "v1" };
    let begun = v1::event_filter(request).and_then(|_| {
        if request.query.len() > QUERY_BYTES {
            return Err(Problem::new(
                ErrorCode::InvalidRequest,
                format!("the query is longer than {QUERY_BYTES} bytes"),
            ));
        }
        v1::resume_after(request)
    });
    let after = match begun {
        Ok(after) => after,
        Err(problem) => return asked.send(request, &asked.refusal(&problem), Some(tenant), None).into(),
    };
    // What the socket keeps is read by nobody but the object: a token has no place there.
    let query = if kind == "v1" { request.query } else { "" };
    let response = pass_on(stream_head(), request.method, &asked.moment());
    match bridge::stream(env, tenant, kind, after, query, &response, asked.test_now).await {
        Ok(stream) => {
            asked.note(request, &response, Some(tenant), None);
            stream
        }
        Err(why) => {
            bridge::log_fault("the tenant's object cannot be reached", tenant, &asked.id, &why, crate::now());
            let problem = Problem::new(ErrorCode::Unavailable, "the tenant's object cannot be reached");
            asked.send(request, &asked.refusal(&problem.hint("ask again in a moment")), Some(tenant), None).into()
        }
    }
}

/// How a stream's answer begins.
fn stream_head() -> Response {
    let headers = vec![
        ("Content-Type", "text/event-stream; charset=utf-8".into()),
        ("Cache-Control", "no-store".into()),
        // Proxies that gather what they pass on would hold events back.
        ("X-Accel-Buffering", "no".into()),
    ];
    Response { status: 200, headers, body: Vec::new(), error: None, fault: None, evaluations: Evaluations::default() }
}

/// Puts a batch of exposures into the queue, and gives the response.
pub(crate) async fn hand_over(
    asked: Asked,
    settings: Rc<Settings>,
    env: Env,
    batch: v1::ExposureBatch,
) -> Result<JsValue, JsValue> {
    let request = asked.request();
    let plan = Plan::of(&request, &settings, asked.now());
    if let Err(why) = bridge::enqueue(&env, "EXPOSURES", &batch).await {
        bridge::log_fault("the queue cannot be reached", &batch.tenant, &asked.id, &why, crate::now());
        let problem = Problem::new(ErrorCode::Unavailable, "the queue of exposures cannot be reached");
        let refusal = asked.refusal(&problem.hint("send the batch again, with the same id"));
        return Ok(asked.send(&request, &refusal, Some(&batch.tenant), None).into());
    }
    Ok(asked.respond(&request, &plan, Registry::NotAsked).into())
}

/// Bytes of a stream's query: it is kept beside the socket, where the platform has room for 2 KB.
const QUERY_BYTES: usize = 1_024;
