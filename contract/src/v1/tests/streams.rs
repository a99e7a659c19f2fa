//! Event streams, and what OFREP tells of them: section 8.

use burgee_control::{Change, Lists, Store};

use super::super::{EventFilter, Frames, event_filter, first_frames, ofrep_frame, resume_after, sse_frame};
use super::*;
use crate::limits;

fn request<'a>(query: &'a str, last: &'a str) -> Request<'a> {
    let headers = Headers::default().with(Header::LastEventId, last);
    Request { method: "GET", path: "/v1/events", query, headers, body: Body::None }
}

#[test]
fn a_frame_is_one_event_in_one_line() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", json!({"key": "a", "description": "two\nlines"}));
    let events = world.store.events_after(0, 10).unwrap();
    let frame = sse_frame(&events[0]);
    let lines: Vec<&str> = frame.split('\n').collect();
    assert_eq!(lines.len(), 5, "{frame}");
    assert_eq!((lines[0], lines[1]), ("id: 1", "event: flag.created"));
    let event: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        (&event["id"], &event["source"], &event["subject"]),
        (&json!("acme/1"), &json!("/v1/tenants/acme"), &json!("flags/a"))
    );
    assert_eq!((lines[3], lines[4]), ("", ""));
    let frame = ofrep_frame(7, NOW);
    let data: Value = serde_json::from_str(frame.lines().nth(2).unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(data, json!({"type": "refetchEvaluation", "etag": "\"7\"", "lastModified": NOW / 1000}));
    assert!(frame.starts_with("id: 7\nevent: message\n") && frame.ends_with("\n\n"));
}

#[test]
fn types_are_filtered() {
    for (query, event, wanted) in [
        ("", "flag.created", true),
        ("types=", "flag.created", true),
        ("types=flag.*", "flag.created", true),
        ("types=flag.*", "segment.created", false),
        ("types=flag.created,segment.*", "segment.deleted", true),
        ("types=flag.created", "flag.created_more", false),
        ("types=*", "webhook.x", true),
        ("types=%20flag.created%20", "flag.created", true),
    ] {
        let filter = event_filter(&request(query, "")).unwrap();
        assert_eq!(filter.wants(event), wanted, "{query} {event}");
    }
    assert_eq!(event_filter(&request("types=%ff", "")).unwrap_err().status(), 400);
}

#[test]
fn the_place_to_resume_is_read_strictly() {
    for (query, last, expected) in [
        ("", "", Some(None)),
        ("", "7", Some(Some(7))),
        ("last_event_id=8", "", Some(Some(8))),
        ("last_event_id=8", "7", Some(Some(7))),
        ("last_event_id=", "", None),
        ("last_event_id=null", "7", None),
        ("", "-1", None),
        ("", "+1", None),
        ("", "acme/1", None),
        ("last_event_id=1.0", "", None),
        ("", "99999999999999999999", None),
    ] {
        let after = resume_after(&request(query, last));
        assert_eq!(after.as_ref().ok().copied(), expected, "{query} {last}");
        assert!(after.is_ok() || after.unwrap_err().status() == 400);
    }
}

#[test]
fn a_stream_begins_where_it_was_left() {
    let mut world = World::new("acme");
    let all = EventFilter::default();
    assert_eq!(first_frames(&world.store, None, &all, 10).unwrap(), Frames::default());
    assert_eq!(first_frames(&world.store, Some(0), &all, 10).unwrap(), Frames::default(), "an empty log is whole");
    for key in ["a", "b", "c"] {
        world.ok("POST", "/v1/flags", flag(key));
    }
    world.ok("POST", "/v1/segments", json!({"key": "s"}));
    let frames = |after, limit| first_frames(&world.store, after, &all, limit).unwrap();
    assert_eq!(frames(None, 10), Frames { last_seq: 4, ..Frames::default() }, "what is to come alone");
    let rest = frames(Some(2), 10);
    assert_eq!((rest.text.matches("id: ").count(), rest.last_seq, rest.more), (2, 4, false));
    assert!(rest.text.starts_with("id: 3\n"));
    let part = frames(Some(0), 2);
    assert_eq!((part.text.matches("id: ").count(), part.last_seq, part.more), (2, 2, true));
    assert_eq!(frames(Some(4), 10), Frames { last_seq: 4, ..Frames::default() });
    let filter = event_filter(&request("types=segment.*", "")).unwrap();
    let filtered = first_frames(&world.store, Some(0), &filter, 10).unwrap();
    assert_eq!((filtered.text.matches("id: ").count(), filtered.last_seq), (1, 4));

    let other = frames(Some(99), 10);
    assert_eq!(other.text, "event: reset\ndata: {\"from\":5}\n\n", "an id of another log");
    world.store.commit(&[Change::ForgetEvents { up_to: 2 }]).unwrap();
    let behind = first_frames(&world.store, Some(1), &all, 10).unwrap();
    assert!(behind.text.starts_with("event: reset\ndata: {\"from\":3}\n\nid: 3\n"), "{}", behind.text);
    let just = first_frames(&world.store, Some(2), &all, 10).unwrap();
    assert!(just.text.starts_with("id: 3\n"), "nothing was missed: {}", just.text);
}

#[test]
fn ofrep_names_a_stream_whose_token_is_for_it_alone() {
    let mut world = World::new("acme");
    world.ok("POST", "/v1/flags", flag("a"));
    let loaded = Loaded::read(world.store.snapshot().into_bytes()).unwrap();
    let bearer = format!("Bearer {}", world.token);
    let settings = settings();
    let headers = Headers::default().with(Header::Tenant, "acme").with(Header::Authorization, &bearer);
    let request =
        Request { method: "POST", path: "/ofrep/v1/evaluate/flags", query: "", headers, body: Body::Bytes(b"{}") };
    let ask = |now: i64, condition: &str| {
        let request = Request { headers: headers.with(Header::IfNoneMatch, condition), ..request };
        let plan = Plan::of(&request, &settings, now).with_event_streams("https://flags.example");
        let served = Served {
            loaded: &loaded,
            backing: crate::BackingState::ObjectBacked,
            cache: Cache::Hit,
            confirmed_at: now,
            fault: None,
            gate: &crate::sensitive::CLOSED,
        };
        let moment = Moment { now, request_id: "r", service_version: "0" };
        let response = respond(&plan, &request, Registry::Ready(served), &moment);
        crate::conformance::check("POST", request.path, &response);
        response
    };
    let first = ask(NOW, "");
    let answer: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(first.status, 200, "{answer:#}");
    let url = answer["eventStreams"][0]["url"].as_str().unwrap();
    assert_eq!(answer["eventStreams"][0]["type"], "sse");
    let (path, query) = split_url(url);
    let stream = |token: &str, now: i64| {
        let query = format!("token={token}");
        let request = Request { method: "GET", path, query: &query, headers: Headers::default(), body: Body::None };
        let plan = Plan::of(&request, &settings, now);
        plan.carry().map(|carried| carried.tenant.to_owned())
    };
    let token = query.strip_prefix("token=").unwrap();
    assert!(url.starts_with("https://flags.example/ofrep/v1/events?"));
    assert_eq!(stream(token, NOW).as_deref(), Some("acme"));
    assert!(stream(token, NOW + limits::EVENTS_TOKEN_TTL_S * 1000 - 1).is_some(), "15 minutes at least");
    assert!(stream(token, NOW + limits::EVENTS_TOKEN_TTL_S * 1000 * 4 / 3).is_none());
    assert!(stream(&world.token, NOW).is_none(), "a token for requests is none for streams");
    assert!(stream("", NOW).is_none() && stream("x", NOW).is_none());
    world.token = token.to_owned();
    assert_eq!(world.get("/v1/flags").status, 401, "nor the other way round");

    let tag = first.header("ETag").unwrap().to_owned();
    assert_eq!(ask(NOW + 1, &tag).status, 304);
    assert_eq!(
        ask(NOW + limits::EVENTS_TOKEN_TTL_S * 1000, &tag).status,
        200,
        "the URL has ended, so the answer is another"
    );
    let got = world.raw("GET", "/ofrep/v1/events", "", &[]);
    assert_eq!((got.status, &got.json["errorCode"]), (401, &json!("GENERAL")));
}

#[test]
fn a_client_can_want_a_version() {
    let settings = Settings::default();
    for (query, wanted) in [
        ("", None),
        ("flagConfigEtag=%2212%22", Some(12)),
        ("flagConfigEtag=W%2F%2212%22&flagConfigLastModified=1", Some(12)),
        ("flagConfigEtag=12", Some(12)),
        ("flagConfigEtag=x", None),
        ("flagConfigEtag=%ff", None),
    ] {
        let request = Request {
            method: "POST",
            path: "/ofrep/v1/evaluate/flags",
            query,
            headers: Headers::default(),
            body: Body::None,
        };
        assert_eq!(Plan::of(&request, &settings, NOW).wanted_version(), wanted, "{query}");
    }
}
