//! Flags, segments, override rows, kill switches and imports.

use burgee_core::Snapshot;
use burgee_core::limits::SEGMENT_BYTES;
use burgee_core::model::OverrideScope;
use serde_json::json;

use super::*;

fn override_of(flag: &str, document: &str) -> Command {
    Command::PutOverride { scope: OverrideScope::User, id: "u1".into(), flag: flag.into(), document: document.into() }
}

fn with_prerequisites(key: &str, needed: &[&str]) -> String {
    let needed: Vec<Value> = needed.iter().map(|flag| json!({"flag": flag, "variants": ["on"]})).collect();
    json!({"key": key, "prerequisites": needed}).to_string()
}

#[test]
fn a_change_comes_with_all_that_tells_of_it() {
    let mut tenant = Tenant::new();
    tenant
        .run(&Command::CreateWebhook { document: r#"{"url":"https://example.com/","types":["flag.*"]}"#.into() })
        .unwrap();
    let changes = tenant.put(r#"{"key":"a"}"#).unwrap();
    let names: Vec<String> =
        changes.iter().map(|change| format!("{change:?}").split(['(', ' ']).next().unwrap().to_owned()).collect();
    assert_eq!(names, ["PutFlag", "SetVersion", "Audit", "Event", "PutDelivery"]);
    assert_eq!(to_hand_over(&changes).count(), 1);
    let changes = tenant
        .patch(
            "a",
            r#"{"description":"d","rules":[{"id":"r","when":{"attr":{"plan":"secret"}},"serve":{"variant":"on"}}]}"#,
        )
        .unwrap();
    let Some(Change::Event(event)) = changes.iter().find(|change| matches!(change, Change::Event(_))) else { panic!() };
    let expected = json!({
        "specversion": "1.0", "id": "acme/2", "source": "/v1/tenants/acme", "type": "flag.updated", "subject": "flags/a",
        "time": "2026-11-21T10:00:00.002Z", "datacontenttype": "application/json",
        "data": {"actor": "ann", "request_id": "r1", "snapshot_version": 2,
                 "invalidates": {"trigger": "registry_reload", "kind": "flag"}, "version": 2, "changed": ["/description", "/rules"]},
    });
    assert_eq!(serde_json::from_str::<Value>(&event.document).unwrap(), expected);
    let entry: Value = serde_json::from_str(&tenant.memory.all_audit()[2].document).unwrap();
    let patched = crate::diff::tests::apply(entry["before"].clone(), &entry["diff"]);
    assert_eq!(patched, entry["after"]);
    assert_eq!((&entry["version"], &entry["after"]["version"]), (&json!(2), &json!(2)));
}

#[test]
fn versions_never_mean_two_things() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a","state":"off"}"#]);
    tenant.run(&archive("a")).unwrap();
    assert_eq!((tenant.version("a"), tenant.flag("a")["state"].as_str()), (2, Some("archived")));
    assert_eq!(tenant.run(&archive("a")), Ok(vec![]));
    assert!(conflict(tenant.put(r#"{"key":"a"}"#)).contains("restore it first"));
    assert_eq!(events(&tenant.run(&restore("a")).unwrap()), ["flag.restored"]);
    assert_eq!((tenant.version("a"), tenant.flag("a")["state"].as_str()), (3, Some("off")));
    assert_eq!(tenant.run(&restore("a")), Ok(vec![]));
    tenant.run(&archive("a")).unwrap();
    tenant.run(&delete("a")).unwrap();
    assert_eq!(tenant.run(&delete("a")), Err(Error::NotFound("flag")));
    // From deletion, with the state that it had: archived.
    tenant.run(&restore("a")).unwrap();
    assert_eq!((tenant.version("a"), tenant.flag("a")["state"].as_str()), (6, Some("archived")));
    tenant.run(&restore("a")).unwrap();
    tenant.run(&override_of("a", r#"{"variant":"on"}"#)).unwrap();
    let created_at = tenant.flag("a")["created_at"].clone();
    tenant.run(&delete("a")).unwrap();
    let changes = tenant.put(r#"{"key":"a"}"#).unwrap();
    // A new flag of the old key is created, and has nothing of the old one but what its version goes on from.
    assert_eq!(events(&changes), ["override.removed", "flag.created"]);
    assert_eq!(tenant.version("a"), 9);
    assert_ne!(tenant.flag("a")["created_at"], created_at);
    assert_eq!(tenant.memory.overrides_of("a").unwrap(), []);
}

#[test]
fn versions_guard_writes() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#, r#"{"key":"b"}"#]);
    tenant.patch("a", r#"{"description":"x"}"#).unwrap();
    let stale = Err(Error::VersionConflict { expected: 1, present: Some(2) });
    assert_eq!(tenant.run(&flag_draft(Some("a"), r#"{"description":"y"}"#, Write::Merge, Some(1))), stale);
    assert_eq!(tenant.put(r#"{"key":"a","version":1}"#), stale);
    assert_eq!(tenant.run(&Command::DeleteFlag { key: "a".into(), expected: Some(1) }), stale);
    assert_eq!(tenant.run(&Command::ArchiveFlag { key: "a".into(), expected: Some(1) }), stale);
    assert_eq!(tenant.put(r#"{"key":"new","version":1}"#), Err(Error::VersionConflict { expected: 1, present: None }));
    let differing = flag_draft(Some("a"), r#"{"version":3}"#, Write::Replace, Some(2));
    assert_eq!(faults(tenant.run(&differing)), [("/version".to_owned(), "invalid_value".to_owned())]);
    // 0 stands where nobody counted.
    tenant.put(r#"{"key":"a","version":0,"description":"z"}"#).unwrap();
}

#[test]
fn every_fault_is_listed_at_its_place() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#, r#"{"key":"gone"}"#, r#"{"key":"old"}"#]);
    tenant.run(&delete("gone")).unwrap();
    tenant.run(&archive("old")).unwrap();
    let document = json!({
        "key": "other", "state": "archived", "version": "x", "kill_switch": "k".repeat(129),
        "rules": [{"id": "r", "when": {"segment": "nope"}, "serve": {"variant": "nope"}}],
        "prerequisites": [
            {"flag": "a", "variants": ["on", "nope"]}, {"flag": "nope", "variants": ["on"]}, {"flag": "gone", "variants": ["on"]},
            {"flag": "old", "variants": ["on"]}, {"flag": "a", "variants": ["on"]}, {"flag": "not a key", "variants": ["on"]},
        ],
    });
    tenant.put(r#"{"key":"f"}"#).unwrap();
    let found = faults(tenant.run(&flag_draft(Some("f"), &document.to_string(), Write::Replace, None)));
    let expected = [
        ("/key", "invalid_value"),
        ("/version", "wrong_type"),
        ("/prerequisites/5/flag", "invalid_value"),
        ("/rules/0/when/segment", "unknown_reference"),
        ("/rules/0/serve/variant", "unknown_reference"),
        ("/state", "invalid_value"),
        ("/kill_switch", "limit_exceeded"),
        ("/prerequisites/0/variants/1", "unknown_reference"),
        ("/prerequisites/1/flag", "unknown_reference"),
        ("/prerequisites/2/flag", "unknown_reference"),
        ("/prerequisites/3/flag", "unknown_reference"),
        ("/prerequisites/4/flag", "duplicate"),
    ];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    let bodies = [("[]", "wrong_type"), ("{", "invalid_json"), (r#"{"key":"\ud800"}"#, "invalid_json")];
    for (body, code) in bodies {
        assert_eq!(faults(tenant.put(body)), [(String::new(), code.to_owned())]);
    }
    assert_eq!(faults(tenant.put("{}")), [("/key".to_owned(), "missing".to_owned())]);
    for write in [Write::Replace, Write::Merge] {
        assert_eq!(tenant.run(&flag_draft(Some("none"), "{}", write, None)), Err(Error::NotFound("flag")));
    }
}

#[test]
fn a_flag_is_no_larger_in_its_canonical_form() {
    let mut tenant = Tenant::new();
    // Each short rule is some 30 bytes longer when it is written out.
    let rule =
        |n: usize| json!({"id": format!("r{n}"), "when": {"attr": {"a": "x".repeat(600)}}, "serve": {"variant": "on"}});
    let document = |rules: usize| json!({"key": "f", "rules": (0..rules).map(rule).collect::<Vec<_>>()}).to_string();
    assert!(document(97).len() < 65_536);
    assert_eq!(faults(tenant.put(&document(97))), [(String::new(), "limit_exceeded".to_owned())]);
    tenant.put(&document(80)).unwrap();
    // A segment's has more than its body by what the service sets.
    let segment = |padding: usize| {
        let mut ids: Vec<String> = (0..9_900).map(|n| format!("{n:0100}")).collect();
        ids.push("x".repeat(padding));
        json!({"key": "s", "include": ids}).to_string()
    };
    let room = SEGMENT_BYTES - segment(0).len();
    for padding in [room - 10, room + 10] {
        assert_eq!(faults(tenant.segment(&segment(padding))), [(String::new(), "limit_exceeded".to_owned())]);
    }
    tenant.segment(&segment(room - 200)).unwrap();
}

#[test]
fn a_merge_keeps_what_it_does_not_name() {
    let document = r#"{"key":"n","type":"number","variants":[{"key":"one","value":1.0},{"key":"two","value":2}],"default_variant":"one","metadata":{"z":1,"a":2.0}}"#;
    let mut tenant = Tenant::with_flags(&[document]);
    tenant.patch("n", r#"{"metadata":{"z":null,"b":3},"key":"n"}"#).unwrap();
    let row = tenant.memory.flag("n").unwrap().unwrap();
    assert!(row.document.contains(r#""metadata":{"a":2.0,"b":3}"#), "{}", row.document);
    assert!(row.document.contains(r#""value":1.0"#) && row.document.contains(r#""off_variant":null"#));
    assert_eq!(faults(tenant.patch("n", r#"{"default_variant":"nope"}"#))[0].0, "/default_variant");
}

#[test]
fn prerequisites_never_lead_in_a_circle() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"d"}"#]);
    for (key, needed) in [("b", vec!["d"]), ("c", vec!["d"]), ("a", vec!["b", "c"])] {
        // A diamond.
        tenant.put(&with_prerequisites(key, &needed)).unwrap();
    }
    let cycle = |keys: &[&str]| Err(Error::PrerequisiteCycle(keys.iter().map(|key| (*key).to_owned()).collect()));
    assert_eq!(tenant.put(&with_prerequisites("d", &["a"])), cycle(&["d", "a", "b", "d"]));
    assert_eq!(tenant.put(&with_prerequisites("e", &["e"])), cycle(&["e", "e"]));
    assert_eq!(tenant.patch("d", r#"{"prerequisites":[{"flag":"b","variants":["on"]}]}"#), cycle(&["d", "b", "d"]));
    let import = json!({"flags": [
        serde_json::from_str::<Value>(&with_prerequisites("x", &["y"])).unwrap(),
        serde_json::from_str::<Value>(&with_prerequisites("y", &["x"])).unwrap(),
    ]});
    assert_eq!(tenant.run(&Command::Import { document: import.to_string() }), cycle(&["x", "y", "x"]));
    // By coming back: `c` goes, `d` then needs a flag that needs `c`'s old place.
    tenant.put(&with_prerequisites("a", &["b"])).unwrap();
    tenant.run(&archive("c")).unwrap();
    tenant.put(&with_prerequisites("z", &[])).unwrap();
    tenant.put(&with_prerequisites("d", &["z"])).unwrap();
    assert_eq!(tenant.run(&restore("c")).map(|changes| events(&changes)), Ok(vec!["flag.restored".to_owned()]));
    tenant.run(&delete("c")).unwrap();
    tenant.put(&with_prerequisites("z", &[])).unwrap();
    tenant.put(&with_prerequisites("c", &[])).unwrap();
    assert_eq!(tenant.put(&with_prerequisites("z", &["a"])), cycle(&["z", "a", "b", "d", "z"]));
}

#[test]
fn prerequisites_are_few_enough_to_be_walked() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"f1"}"#]);
    for depth in 2..=16 {
        tenant.put(&with_prerequisites(&format!("f{depth}"), &[&format!("f{}", depth - 1)])).unwrap();
    }
    assert_eq!(limit(tenant.put(&with_prerequisites("f17", &["f16"]))), "PREREQUISITE_DEPTH");
    // Below, it is the flags above that would lie too deep.
    tenant.put(r#"{"key":"f0"}"#).unwrap();
    assert_eq!(limit(tenant.put(&with_prerequisites("f1", &["f0"]))), "PREREQUISITE_DEPTH");
    // Coming back, a flag may find what it needs deeper than it was.
    tenant.run(&archive("f16")).unwrap();
    tenant.put(&with_prerequisites("f1", &["f0"])).unwrap();
    assert_eq!(limit(tenant.run(&restore("f16"))), "PREREQUISITE_DEPTH");
    // Layers of two, each needing both of the layer below: twice as many ways with each.
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a0"}"#, r#"{"key":"b0"}"#]);
    for layer in 1..=7 {
        let below = [format!("a{}", layer - 1), format!("b{}", layer - 1)];
        let below = [below[0].as_str(), below[1].as_str()];
        let results = ["a", "b"].map(|side| tenant.put(&with_prerequisites(&format!("{side}{layer}"), &below)));
        for result in results {
            // 1 + 2 · walks: 3, 7, 15, …, 255.
            assert_eq!(result.is_ok(), layer <= 7, "{layer}");
        }
    }
    assert_eq!(limit(tenant.put(&with_prerequisites("a8", &["a7", "b7"]))), "PREREQUISITE_WALKS");
    tenant.put(r#"{"key":"c"}"#).unwrap();
    assert_eq!(limit(tenant.put(&with_prerequisites("a0", &["c"]))), "PREREQUISITE_WALKS");
    let snapshot = Snapshot::parse(tenant.memory.snapshot().as_bytes()).unwrap();
    assert_eq!((snapshot.warnings(), snapshot.flags().len()), (&[][..], 17));
}

#[test]
fn what_is_needed_stays() {
    let mut tenant = Tenant::with_flags(&[
        r#"{"key":"a","type":"string","variants":[{"key":"on"},{"key":"v"}]}"#,
        r#"{"key":"b","prerequisites":[{"flag":"a","variants":["on"]}]}"#,
    ]);
    assert!(conflict(tenant.run(&archive("a"))).contains("`b`"));
    assert!(conflict(tenant.run(&delete("a"))).contains("`b`"));
    let without = r#"{"key":"a","type":"string","variants":[{"key":"v"}]}"#;
    assert!(conflict(tenant.put(without)).contains("variants of `a`"));
    let other_type = r#"{"key":"a","type":"boolean"}"#;
    assert!(conflict(tenant.put(other_type)).contains("the type of `a`"));
    // What nobody names may go.
    tenant.put(r#"{"key":"a","type":"string","variants":[{"key":"on"},{"key":"w"}]}"#).unwrap();
    tenant.run(&archive("b")).unwrap();
    tenant.put(without).unwrap();
    assert!(conflict(tenant.run(&restore("b"))).contains("/prerequisites/0/variants/0"));
    tenant.run(&archive("a")).unwrap();
    assert!(conflict(tenant.run(&restore("b"))).contains("archived"));
}

#[test]
fn segments_stay_while_they_are_named() {
    let mut tenant = Tenant::new();
    let changes = tenant.segment(r#"{"key":"s","criteria":{"attr":{"plan":"pro"}}}"#).unwrap();
    assert_eq!(events(&changes), ["segment.created"]);
    assert_eq!(tenant.segment(r#"{"key":"s","conditions":{"attr":"plan","op":"equals","value":"pro"}}"#), Ok(vec![]));
    tenant.put(r#"{"key":"f","rules":[{"id":"r","when":{"segment":"s"},"serve":{"variant":"on"}}]}"#).unwrap();
    let gone = Command::DeleteSegment { key: "s".into(), expected: None };
    assert!(conflict(tenant.run(&gone)).contains("`f`"));
    let stale = Command::DeleteSegment { key: "s".into(), expected: Some(7) };
    assert_eq!(tenant.run(&stale), Err(Error::VersionConflict { expected: 7, present: Some(1) }));
    tenant.run(&delete("f")).unwrap();
    tenant.run(&gone).unwrap();
    assert_eq!(tenant.run(&gone), Err(Error::NotFound("segment")));
    assert!(conflict(tenant.run(&restore("f"))).contains("/rules/0/when/segment"));
    let back = |expected| Command::RestoreSegment { key: "s".into(), expected };
    assert_eq!(tenant.run(&back(Some(1))), Err(Error::VersionConflict { expected: 1, present: Some(2) }));
    assert_eq!(events(&tenant.run(&back(Some(2))).unwrap()), ["segment.restored"]);
    assert_eq!(tenant.memory.segment("s").unwrap().unwrap().version, 3);
    tenant.run(&restore("f")).unwrap();
    let merge = Command::PutSegment(draft(Some("s"), r#"{"include":["u1"]}"#, Write::Merge, Some(3)));
    assert_eq!(event_data(&tenant.run(&merge).unwrap())[0]["changed"], json!(["/include"]));
    let row = tenant.memory.segment("s").unwrap().unwrap();
    assert!(row.document.contains(r#""value":"pro"},"include":["u1"],"version":4"#), "{}", row.document);
    assert_eq!(faults(tenant.segment(r#"{"key":"s","version":-1,"include":1}"#)).len(), 2);
}

#[test]
fn a_segment_is_not_too_dear_for_its_flags() {
    let mut tenant = Tenant::new();
    tenant.segment(r#"{"key":"s"}"#).unwrap();
    let rule = |n: usize| json!({"id": format!("r{n}"), "when": {"segment": "s"}, "serve": {"variant": "on"}});
    tenant.put(&json!({"key": "f", "rules": (0..90).map(rule).collect::<Vec<_>>()}).to_string()).unwrap();
    let segment = |conditions: usize| {
        json!({"key": "s", "conditions": {"any": vec![json!({"attr": {"a": 1}}); conditions]}}).to_string()
    };
    assert_eq!(limit(tenant.segment(&segment(200))), "CONDITION_COST");
    tenant.segment(&segment(100)).unwrap();
}

#[test]
fn an_import_counts_the_cost_of_what_it_leads_to() {
    let mut tenant = Tenant::new();
    let segment =
        |conditions: usize| json!({"key": "s", "conditions": {"any": vec![json!({"attr": {"a": 1}}); conditions]}});
    let rule = |n: usize| json!({"id": format!("r{n}"), "when": {"segment": "s"}, "serve": {"variant": "on"}});
    let flag = |rules: usize| json!({"key": "f", "rules": (0..rules).map(rule).collect::<Vec<_>>()});
    let import =
        |flags: Value| Command::Import { document: json!({"flags": flags, "segments": [segment(200)]}).to_string() };
    tenant.segment(&segment(1).to_string()).unwrap();
    tenant.put(&flag(90).to_string()).unwrap();
    // A flag that the document does not name would become too dear, and one that it names with as many rules.
    assert_eq!(limit(tenant.run(&import(json!([])))), "CONDITION_COST");
    assert_eq!(faults(tenant.run(&import(json!([flag(90)]))))[0].1, "limit_exceeded");
    // With the rules that the document leaves it, it is not.
    assert_eq!(events(&tenant.run(&import(json!([flag(1)]))).unwrap()), ["tenant.imported"]);
}

#[test]
fn override_rows_name_what_is_there() {
    let mut tenant =
        Tenant::with_flags(&[r#"{"key":"a"}"#, r#"{"key":"s","type":"string","variants":[{"key":"x"},{"key":"y"}]}"#]);
    let cases = [
        ("a", r#"{"variant":"nope"}"#, "/variant"),
        ("a", "{}", "/variant"),
        ("a", r#"{"variant":1}"#, "/variant"),
        ("s", r#"{"variant":true}"#, "/variant"),
        ("a", r#"{"variant":"on","expires_at":"2020-01-01T00:00:00Z"}"#, "/expires_at"),
        ("a", r#"{"variant":"on","expire_at":1}"#, "/expire_at"),
        ("a", r#"{"variant":"on","reason":1}"#, "/reason"),
    ];
    for (flag, document, pointer) in cases {
        assert_eq!(faults(tenant.run(&override_of(flag, document)))[0].0, pointer, "{document}");
    }
    assert_eq!(tenant.run(&override_of("nope", r#"{"variant":"on"}"#)), Err(Error::NotFound("flag")));
    let document = format!(r#"{{"variant":"y","expires_at":{}}}"#, START + HOUR);
    assert_eq!(events(&tenant.run(&override_of("s", &document)).unwrap()), ["override.set"]);
    assert_eq!(tenant.run(&override_of("s", &document)), Ok(vec![]));
    let shown = tenant.memory.overrides_of("s").unwrap()[0].document.clone();
    assert!(shown.contains(r#""created_by":"ann""#), "{shown}");
    assert_eq!(tenant.run_as("bob", &override_of("s", &shown)), Ok(vec![]));
    let without = r#"{"key":"s","type":"string","variants":[{"key":"x"}]}"#;
    assert!(conflict(tenant.put(without)).contains("an override row names"));
    // One that has expired goes with its variant.
    tenant.now = START + HOUR;
    assert_eq!(events(&tenant.put(without).unwrap()), ["flag.updated", "override.removed"]);
    let remove = Command::RemoveOverride { scope: OverrideScope::User, id: "u1".into(), flag: "s".into() };
    assert_eq!(tenant.run(&remove), Err(Error::NotFound("override")));
}

#[test]
fn kill_switches_stay_as_they_are() {
    let mut tenant = Tenant::new();
    let set = |category: &str, engaged, reason: &str| Command::SetKillSwitch {
        category: category.into(),
        engaged,
        reason: Some(reason.into()),
    };
    assert_eq!(events(&tenant.run(&set("*", true, "fire")).unwrap()), ["killswitch.engaged"]);
    assert_eq!(tenant.run(&set("*", true, "other")), Ok(vec![]));
    assert_eq!(tenant.memory.kill_switch("*").unwrap().unwrap().reason.as_deref(), Some("fire"));
    assert_eq!(tenant.run(&set("never", false, "")), Ok(vec![]));
    assert_eq!(entries(&tenant.run(&set("*", false, "out")).unwrap()), ["kill_switch.released by ann"]);
    assert_eq!(faults(tenant.run(&set(&"k".repeat(129), true, ""))).len(), 1);
    assert_eq!(faults(tenant.run(&set("k", true, &"x".repeat(3_000))))[0].0, "/reason");
    for number in 0..limits::KILL_SWITCHES {
        tenant.run(&set(&format!("k{number}"), true, "")).unwrap();
    }
    assert_eq!(limit(tenant.run(&set("one more", true, ""))), "KILL_SWITCHES");
    tenant.run(&set("*", true, "still to be had")).unwrap();
}

#[test]
fn a_snapshot_that_could_not_be_read_never_comes_to_be() {
    let mut tenant = Tenant::new();
    // Segments are the widest way to many attributes.
    let names = |from: usize, count: usize| -> Value {
        (from..from + count).map(|n| (format!("attribute{n}"), json!(1))).collect::<serde_json::Map<_, _>>().into()
    };
    let segment = |key: &str, from, count| json!({"key": key, "conditions": {"attr": names(from, count)}}).to_string();
    tenant.segment(&segment("a", 0, 5_000)).unwrap();
    tenant.segment(&segment("b", 4_000, 5_000)).unwrap();
    assert_eq!(limit(tenant.segment(&segment("c", 8_000, 2_000))), "ATTRIBUTES");
    tenant.segment(&segment("c", 8_000, 1_994)).unwrap();
    let snapshot = Snapshot::parse(tenant.memory.snapshot().as_bytes()).unwrap();
    assert_eq!(snapshot.attributes().len(), 10_000);
    assert_eq!(limit(tenant.put(r#"{"key":"f","bucket_by":"one more"}"#)), "ATTRIBUTES");
    tenant.put(r#"{"key":"f","bucket_by":"attribute1"}"#).unwrap();
    // Some 22 MB of segments.
    let ids = |n: usize| (0..9_000).map(|id| format!("{n}-{id}-{}", "x".repeat(90))).collect::<Vec<_>>();
    let mut last = Ok(vec![]);
    for n in 0..40 {
        last = tenant.segment(&json!({"key": format!("s{n}"), "include": ids(n)}).to_string());
        if last.is_err() {
            break;
        }
    }
    assert_eq!(limit(last), "SNAPSHOT_BYTES");
    assert!(tenant.memory.snapshot().len() > 20 * 1024 * 1024);
}

#[test]
fn a_tenant_has_so_many_flags_segments_and_override_rows() {
    use burgee_core::limits::{FLAGS, OVERRIDES, SEGMENTS};
    let mut tenant = Tenant::new();
    let keys =
        |prefix: &str, count: usize| (0..count).map(|n| json!({"key": format!("{prefix}{n}")})).collect::<Vec<_>>();
    let row = |n: usize| json!({"scope": "user", "id": format!("u{n}"), "flag": "f0", "variant": "on"});
    let overrides: Vec<Value> = (0..OVERRIDES).map(row).collect();
    let document = json!({"flags": keys("f", FLAGS), "segments": keys("s", SEGMENTS), "overrides": overrides});
    tenant.run(&Command::Import { document: document.to_string() }).unwrap();
    let (flag, segment) = (r#"{"key":"one-more"}"#, r#"{"key":"one-more"}"#);
    assert_eq!(limit(tenant.put(flag)), "FLAGS");
    tenant.run(&archive("f1")).unwrap();
    assert_eq!(limit(tenant.put(flag)), "FLAGS", "archived ones count");
    tenant.run(&delete("f1")).unwrap();
    tenant.put(flag).unwrap();
    assert_eq!(limit(tenant.run(&restore("f1"))), "FLAGS", "coming back is one more, too");
    assert_eq!(limit(tenant.segment(segment)), "SEGMENTS");
    tenant.run(&Command::DeleteSegment { key: "s0".into(), expected: None }).unwrap();
    tenant.segment(segment).unwrap();
    assert_eq!(limit(tenant.run(&override_of("f2", r#"{"variant":"on"}"#))), "OVERRIDES");
}

#[test]
fn an_import_is_one_change() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#, r#"{"key":"same"}"#]);
    tenant.segment(r#"{"key":"stored"}"#).unwrap();
    let flag = |key: &str, more: Value| {
        let mut flag = json!({"key": key});
        flag.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        flag
    };
    let document = json!({
        "schema": "burgee.registry/1", "tenant": "elsewhere", "version": 9,
        "flags": [
            flag("b", json!({"version": 7, "prerequisites": [{"flag": "c", "variants": ["on"]}]})), flag("c", json!({})), flag("same", json!({})),
            flag("a", json!({"rules": [{"id": "r", "when": {"all": [{"segment": "new"}, {"segment": "stored"}]}, "serve": {"variant": "on"}}]})),
        ],
        "segments": [{"key": "new"}],
        "overrides": [{"scope": "user", "id": "u", "flag": "b", "variant": true}],
        "kill_switches": [{"category": "k"}, {"category": "off", "engaged": false}],
    })
    .to_string();
    let import = Command::Import { document: document.clone() };
    let changes = tenant.run(&import).unwrap();
    assert_eq!(events(&changes), ["tenant.imported"]);
    let versions = changes.iter().filter(|change| matches!(change, Change::SetVersion { .. })).count();
    assert_eq!(versions, 1);
    let done = Imported { created: 5, updated: 1, unchanged: 2 };
    assert_eq!(imported(&document, &changes), done);
    assert_eq!(entries(&changes).len(), 7);
    assert_eq!(entries(&changes)[6], "tenant.imported by ann");
    assert_eq!(tenant.version("b"), 1);
    let again = tenant.run(&import);
    assert_eq!(again, Ok(vec![]));
    assert_eq!(imported(&document, &[]), Imported { unchanged: 8, ..Imported::default() });

    let bad = json!({
        "flags": [
            flag("x", json!({"state": "archived", "prerequisites": [{"flag": "nope", "variants": ["on"]}]})), flag("y", json!({"type": "nope"})),
            flag("z", json!({})), flag("z", json!({})),
        ],
        "segments": [{"key": "not a key"}],
        "overrides": [{"scope": "user", "id": "u", "flag": "nope", "variant": true}, {"scope": "user", "id": "u", "flag": "a", "variant": "nope"}],
        "kill_switches": [{}],
    });
    let pointers: Vec<String> = faults(tenant.run(&Command::Import { document: bad.to_string() }))
        .into_iter()
        .map(|(pointer, _)| pointer)
        .collect();
    let expected = [
        "/segments/0/key",
        "/flags/0/state",
        "/flags/1/type",
        "/flags/3/key",
        "/flags/0/prerequisites/0/flag",
        "/overrides/0/flag",
        "/overrides/1/variant",
        "/kill_switches/0/category",
    ];
    assert_eq!(pointers, expected);
    for (document, pointer) in [
        ("{", ""),
        ("[]", ""),
        ("{}", "/flags"),
        (r#"{"flags":{}}"#, "/flags"),
        (r#"{"flags":[],"schema":"x"}"#, "/schema"),
    ] {
        assert_eq!(faults(tenant.run(&Command::Import { document: document.into() }))[0].0, pointer);
    }
    tenant.run(&archive("same")).unwrap();
    assert!(conflict(tenant.run(&import)).contains("`same` are archived"));
}
