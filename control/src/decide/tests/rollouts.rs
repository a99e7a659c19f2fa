//! Rollouts.

use serde_json::json;

use super::*;

const MINUTE: i64 = 60_000;

fn start(flag: &str, document: &Value) -> Command {
    Command::StartRollout { flag: flag.into(), document: document.to_string() }
}

fn steer(steer: Steer) -> Command {
    Command::SteerRollout { flag: "a".into(), steer }
}

/// A flag `a` with a rollout of these steps.
fn with_steps(steps: Value) -> Tenant {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
    tenant.run(&start("a", &json!({"steps": steps}))).unwrap();
    tenant
}

fn rollout(tenant: &Tenant) -> RolloutRow {
    tenant.memory.rollout("a").unwrap().unwrap()
}

fn statuses(tenant: &Tenant) -> String {
    let letter = |step: &RolloutStep| match step.status {
        StepStatus::Waiting => 'w',
        StepStatus::Taken => 't',
        StepStatus::Skipped => 's',
    };
    rollout(tenant).steps.iter().map(letter).collect()
}

/// The percentage of the rollout's own rule.
fn percentage(tenant: &Tenant) -> Option<f64> {
    let flag = tenant.flag("a");
    let rules = flag["rules"].as_array()?;
    rules.iter().find(|rule| rule["id"] == "rollout")?["percentage"].as_f64()
}

#[test]
fn what_is_due_is_taken_with_the_request() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
    let plan = json!({"steps": [{"percentage": 5}, {"percentage": 10}, {"percentage": 20, "gate": "errors"}, {"percentage": 30, "after": "1h"}, {"percentage": 40}]});
    let changes = tenant.run(&start("a", &plan)).unwrap();
    // First it is scheduled, by who asked for it; then it takes its steps, in its own name.
    assert_eq!(events(&changes), ["flag.rollout_scheduled", "flag.rollout_progress", "flag.rollout_progress"]);
    assert_eq!(
        entries(&changes),
        [
            "rollout.started by ann",
            "flag.rollout_progress by burgee:rollout",
            "flag.rollout_progress by burgee:rollout"
        ]
    );
    let data = event_data(&changes);
    assert_eq!((&data[0]["percentage"], &data[0]["actor"], &data[0]["step"]), (&Value::Null, &json!("ann"), &json!(0)));
    assert_eq!((&data[2]["percentage"], &data[2]["step"]), (&json!(10.0), &json!(2)));
    assert_eq!((percentage(&tenant), statuses(&tenant).as_str(), tenant.version("a")), (Some(10.0), "ttwww", 3));
    let now = tenant.now;
    assert_eq!(tenant.tick_at(now), [], "nothing is left to the alarm");
    // So it is with a gate, and with going on.
    let changes = tenant.run(&steer(Steer::OpenGate("errors".into()))).unwrap();
    assert_eq!(
        entries(&changes),
        ["rollout.gate_opened by ann", "flag.rollout_progress by burgee:rollout"],
        "the next waits its hour"
    );
    tenant.run(&steer(Steer::Pause)).unwrap();
    tenant.now += 2 * HOUR;
    assert_eq!(events(&tenant.run(&steer(Steer::Resume)).unwrap()), ["flag.rollout_resumed"]);
    let due = rollout(&tenant).next_at.unwrap();
    assert!(due > tenant.now, "times of `after` steps do not run while it is paused");
    assert_eq!(events(&tenant.tick_at(due)), ["flag.rollout_progress", "flag.rollout_progress", "flag.rollout_done"]);

    let mut tenant = with_steps(json!([{"percentage": 10}, {"percentage": 20, "at": START + HOUR}]));
    tenant.run(&steer(Steer::Pause)).unwrap();
    tenant.now = START + 2 * HOUR;
    let changes = tenant.run(&steer(Steer::Resume)).unwrap();
    assert_eq!(events(&changes), ["flag.rollout_resumed", "flag.rollout_progress", "flag.rollout_done"]);

    // Both switches hold it from the start.
    for held in ["switch", "policy"] {
        let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
        if held == "switch" {
            tenant.run(&Command::StopRollouts { stopped: true, reason: None }).unwrap();
        } else {
            tenant.policy.rollouts = false;
        }
        let changes = tenant.run(&start("a", &json!({"steps": [{"percentage": 10}]}))).unwrap();
        assert_eq!(
            (events(&changes), percentage(&tenant)),
            (vec!["flag.rollout_scheduled".to_owned()], None),
            "{held}"
        );
    }
}

#[test]
fn a_step_that_cannot_be_taken_at_once_refuses_the_request() {
    let mut tenant = with_steps(json!([{"percentage": 10, "gate": "errors"}]));
    let rules: Vec<Value> = (0..100).map(|n| json!({"id": format!("r{n}"), "serve": {"variant": "on"}})).collect();
    tenant.patch("a", &json!({"rules": rules}).to_string()).unwrap();
    let open = steer(Steer::OpenGate("errors".into()));
    assert!(conflict(tenant.run(&open)).contains("RULES"));
    assert_eq!((rollout(&tenant).status, statuses(&tenant).as_str()), (RolloutStatus::Running, "w"));
    tenant.patch("a", r#"{"rules":[]}"#).unwrap();
    tenant.run(&open).unwrap();
    assert_eq!((percentage(&tenant), rollout(&tenant).status), (Some(10.0), RolloutStatus::Done));
}

#[test]
fn before_its_first_step_a_rollout_serves_what_was_there() {
    let (steps, rule) = (
        json!([{"percentage": 100, "after": "1h"}]),
        |percentage: Value| json!({"key": "a", "rules": [{"id": "r", "percentage": percentage, "serve": {"variant": "on"}}]}),
    );
    let by_rule = json!({"steps": steps, "rule_id": "r"});
    let cases = [
        (json!({"key": "a"}), json!({"steps": steps}), 0.0),
        (rule(json!(12.5)), by_rule.clone(), 12.5),
        (rule(Value::Null), by_rule, 100.0),
        (json!({"key": "a", "stage": {"rollout_stage": "staged_5"}}), json!({"steps": steps}), 5.0),
        (json!({"key": "a", "stage": {"rollout_stage": "internal"}}), json!({"steps": steps}), 0.0),
    ];
    for (flag, plan, expected) in cases {
        let mut tenant = Tenant::with_flags(&[&flag.to_string()]);
        tenant.run(&start("a", &plan)).unwrap();
        assert_eq!((rollout(&tenant).percentage, rollout(&tenant).served()), (None, expected), "{flag}");
        tenant.tick_at(START + 2 * HOUR);
        assert_eq!(rollout(&tenant).served(), 100.0);
    }
}

#[test]
fn a_step_is_a_change_of_the_flag() {
    let mut tenant = with_steps(
        json!([{"percentage": 10, "after": "1m"}, {"percentage": 50.5, "after": "1h"}, {"percentage": 100, "after": "1d"}]),
    );
    assert_eq!((percentage(&tenant), tenant.version("a")), (None, 1));
    let begun = rollout(&tenant).started_at + MINUTE;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(begun));
    let changes = tenant.tick_at(begun + 5);
    assert_eq!(entries(&changes), ["flag.rollout_progress by burgee:rollout"]);
    assert_eq!(events(&changes), ["flag.rollout_progress"]);
    assert_eq!(
        event_data(&changes)[0],
        json!({"actor": "burgee:rollout", "request_id": "r1", "snapshot_version": 2,
               "invalidates": {"trigger": "registry_reload", "kind": "flag"}, "percentage": 10.0, "step": 1, "steps": 3})
    );
    assert_eq!((percentage(&tenant), tenant.version("a")), (Some(10.0), 2));
    // `after` counts from when the step before was really taken.
    let due = begun + 5 + HOUR;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(due));
    assert_eq!(tenant.tick_at(due - 1), []);
    tenant.tick_at(due + 3 * HOUR);
    assert_eq!((percentage(&tenant), statuses(&tenant).as_str()), (Some(50.5), "ttw"));
    assert_eq!(tenant.tick_at(due + 4 * HOUR), []);
    let changes = tenant.tick_at(due + 3 * HOUR + DAY);
    assert_eq!(events(&changes), ["flag.rollout_progress", "flag.rollout_done"]);
    assert_eq!(entries(&changes), ["flag.rollout_progress by burgee:rollout", "rollout.done by burgee:rollout"]);
    let done = rollout(&tenant);
    assert_eq!((done.status, done.percentage, done.next_at), (RolloutStatus::Done, Some(100.0), None));
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), None);
    // The next rollout goes on with the rule that there is.
    assert_eq!(faults(tenant.run(&start("a", &json!({"steps": [{"percentage": 50}]}))))[0].0, "/steps/0/percentage");
}

#[test]
fn plans_are_read_whole() {
    let mut tenant = Tenant::with_flags(&[
        r#"{"key":"a","rules":[{"id":"r","percentage":20,"serve":{"variant":"on"}}]}"#,
        r#"{"key":"s","type":"string","variants":[{"key":"x"},{"key":"y"}]}"#,
        r#"{"key":"staged","stage":{"rollout_stage":"staged_5"}}"#,
    ]);
    let past = "2020-01-01T00:00:00Z";
    let cases = [
        ("a", json!({}), vec!["/steps"]),
        ("a", json!({"steps": []}), vec!["/steps"]),
        ("a", json!({"steps": 1}), vec!["/steps"]),
        ("a", json!({"steps": vec![json!({"percentage": 1}); 101]}), vec!["/steps"]),
        ("a", json!({"steps": [1, {}]}), vec!["/steps/0", "/steps/1/percentage"]),
        (
            "a",
            json!({"steps": [{"percentage": 101}, {"percentage": "5"}]}),
            vec!["/steps/0/percentage", "/steps/1/percentage"],
        ),
        ("a", json!({"steps": [{"percentage": 10}, {"percentage": 10}]}), vec!["/steps/1/percentage"]),
        ("a", json!({"steps": [{"percentage": 10, "at": past}]}), vec!["/steps/0/at"]),
        (
            "a",
            json!({"steps": [{"percentage": 10, "at": START + HOUR}, {"percentage": 20, "at": START + HOUR}]}),
            vec!["/steps/1/at"],
        ),
        (
            "a",
            json!({"steps": [{"percentage": 10, "after": "soon"}, {"percentage": 20, "after": "367d"}]}),
            vec!["/steps/0/after", "/steps/1/after"],
        ),
        ("a", json!({"steps": [{"percentage": 10, "after": "1h", "at": START + HOUR}]}), vec!["/steps/0/after"]),
        ("a", json!({"steps": [{"percentage": 10, "gate": ""}]}), vec!["/steps/0/gate"]),
        ("a", json!({"steps": [{"percentage": 10, "When": 1}], "rules": 1}), vec!["/rules", "/steps/0/When"]),
        ("a", json!({"steps": [{"percentage": 10}], "variant": "nope"}), vec!["/variant"]),
        ("a", json!({"steps": [{"percentage": 30}], "rule_id": "nope"}), vec!["/rule_id"]),
        ("a", json!({"steps": [{"percentage": 30}], "rule_id": "r", "variant": "on"}), vec!["/variant"]),
        ("a", json!({"steps": [{"percentage": 19}], "rule_id": "r"}), vec!["/steps/0/percentage"]),
        ("s", json!({"steps": [{"percentage": 10}]}), vec!["/variant"]),
        (
            "staged",
            json!({"steps": [{"percentage": 0}, {"percentage": 7.5}]}),
            vec!["/steps/0/percentage", "/steps/1/percentage"],
        ),
        ("staged", json!({"steps": [{"percentage": 4}]}), vec!["/steps/0/percentage"]),
        ("staged", json!({"steps": [{"percentage": 10}], "variant": "on"}), vec!["/variant"]),
    ];
    let count = cases.len();
    for (flag, document, expected) in cases {
        let found: Vec<String> =
            faults(tenant.run(&start(flag, &document))).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(found, expected, "{document}");
    }
    assert_eq!(count, 21);
    assert_eq!(tenant.run(&start("nope", &json!({}))), Err(Error::NotFound("flag")));
    tenant.run(&archive("s")).unwrap();
    conflict(tenant.run(&start("s", &json!({}))));
    tenant.run(&start("a", &json!({"steps": [{"percentage": 100, "after": "1h"}], "rule_id": "r"}))).unwrap();
    assert!(matches!(tenant.run(&start("a", &json!({}))), Err(Error::RolloutConflict(_))));
}

#[test]
fn of_several_times_that_have_passed_the_last_counts() {
    let mut tenant = with_steps(json!([
        {"percentage": 10, "at": START + HOUR}, {"percentage": 20, "at": START + 2 * HOUR}, {"percentage": 30, "at": START + 3 * HOUR},
        {"percentage": 40, "after": "1h"}, {"percentage": 50},
    ]));
    assert_eq!(tenant.tick_at(START + HOUR - 1), []);
    assert_eq!(events(&tenant.tick_at(START + 3 * HOUR)), ["flag.rollout_progress"]);
    assert_eq!((statuses(&tenant).as_str(), percentage(&tenant), tenant.version("a")), ("sstww", Some(30.0), 2));
    // The last of them was taken now; what comes after it counts from now, and what has no time follows at once.
    tenant.tick_at(START + 4 * HOUR - 1);
    assert_eq!(statuses(&tenant), "sstww");
    assert_eq!(
        events(&tenant.tick_at(START + 4 * HOUR)),
        ["flag.rollout_progress", "flag.rollout_progress", "flag.rollout_done"]
    );
    assert_eq!((percentage(&tenant), tenant.version("a")), (Some(50.0), 4));
}

#[test]
fn what_has_no_fixed_time_is_not_skipped() {
    let mut tenant = with_steps(json!([{"percentage": 10, "after": "1h"}, {"percentage": 20, "at": START + 2 * HOUR}]));
    tenant.tick_at(START + 3 * HOUR);
    assert_eq!((statuses(&tenant).as_str(), tenant.version("a")), ("tt", 3));
}

#[test]
fn gates_hold_what_is_due() {
    let mut tenant = with_steps(json!([
        {"percentage": 10, "at": START + HOUR}, {"percentage": 20, "at": START + 2 * HOUR, "gate": "errors"}, {"percentage": 30, "at": START + 3 * HOUR},
        {"percentage": 40, "after": "1h", "gate": "errors"},
    ]));
    let open = |gate: &str| steer(Steer::OpenGate(gate.into()));
    let waits = |tenant: &Tenant, now| rollout(tenant).waits_for(now, false);
    assert_eq!(waits(&tenant, START), Some(WaitsFor::Time));
    assert_eq!(rollout(&tenant).waits_for(START, true), Some(WaitsFor::Switch));
    // A closed gate is not jumped over.
    tenant.tick_at(START + 3 * HOUR);
    assert_eq!((statuses(&tenant).as_str(), waits(&tenant, START + 3 * HOUR)), ("twww", Some(WaitsFor::Gate)));
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), None);
    assert_eq!(tenant.run(&open("nope")), Err(Error::NotFound("gate")));
    // Its time has come: it is taken with the request, or rather the one after it, whose time has come too.
    assert_eq!(
        entries(&tenant.run(&open("errors")).unwrap()),
        ["rollout.gate_opened by ann", "flag.rollout_progress by burgee:rollout"]
    );
    assert_eq!(statuses(&tenant), "tstw");
    // The same gate of a later step is opened for itself, also ahead of its time.
    let due = rollout(&tenant).due_at().unwrap();
    assert_eq!((waits(&tenant, due - 1), waits(&tenant, due)), (Some(WaitsFor::Time), Some(WaitsFor::Gate)));
    tenant.run(&open("errors")).unwrap();
    assert_eq!(tenant.run(&open("errors")), Ok(vec![]));
    assert_eq!(tenant.tick_at(due - 1), []);
    tenant.tick_at(due);
    assert_eq!(statuses(&tenant), "tstt");
}

#[test]
fn time_stands_still_while_it_is_paused() {
    let mut tenant = with_steps(
        json!([{"percentage": 10, "at": START + MINUTE}, {"percentage": 20, "after": "60m"}, {"percentage": 30, "at": START + 10 * HOUR}, {"percentage": 40, "after": "1h"}]),
    );
    tenant.tick_at(START + MINUTE);
    for pause in [21, 41] {
        // Paused for ten minutes, twice.
        tenant.now = START + pause * MINUTE;
        assert_eq!(events(&tenant.run(&steer(Steer::Pause)).unwrap()), ["flag.rollout_paused"]);
        assert_eq!(tenant.run(&steer(Steer::Pause)), Ok(vec![]));
        assert_eq!(rollout(&tenant).waits_for(tenant.now, false), None);
        assert_eq!(tenant.tick_at(START + 2 * DAY), []);
        tenant.now = START + (pause + 10) * MINUTE;
        assert_eq!(events(&tenant.run(&steer(Steer::Resume)).unwrap()), ["flag.rollout_resumed"]);
        assert_eq!(tenant.run(&steer(Steer::Resume)), Ok(vec![]));
    }
    assert_eq!(rollout(&tenant).next_at, Some(START + 81 * MINUTE));
    tenant.tick_at(START + 81 * MINUTE);
    assert_eq!(statuses(&tenant), "ttww");
    // `at` is a time of the day, and passes.
    tenant.run(&steer(Steer::Pause)).unwrap();
    tenant.now = START + 20 * HOUR;
    assert_eq!(events(&tenant.run(&steer(Steer::Resume)).unwrap()), ["flag.rollout_resumed", "flag.rollout_progress"]);
    // Pauses of a step that was taken are not those of the next.
    assert_eq!(rollout(&tenant).next_at, Some(START + 21 * HOUR));
}

#[test]
fn a_flag_that_is_made_anew_has_no_rollout() {
    let mut tenant = with_steps(json!([{"percentage": 100}]));
    tenant.tick_at(START + 10);
    assert_eq!(rollout(&tenant).status, RolloutStatus::Done);
    tenant.run(&delete("a")).unwrap();
    // Restored it is the old one, and so is its rollout.
    tenant.run(&restore("a")).unwrap();
    assert_eq!(rollout(&tenant).status, RolloutStatus::Done);
    tenant.run(&delete("a")).unwrap();
    let changes = tenant.put(r#"{"key":"a"}"#).unwrap();
    assert!(changes.contains(&Change::RemoveRollout { flag: "a".into() }), "{changes:?}");
    assert_eq!(tenant.memory.rollout("a").unwrap(), None);
    assert!(matches!(tenant.run(&steer(Steer::RollBack)), Err(Error::RolloutConflict(_))));
    tenant.run(&start("a", &json!({"steps": [{"percentage": 10}]}))).unwrap();
    assert_eq!(rollout(&tenant).status, RolloutStatus::Done);
}

#[test]
fn rolling_back_brings_back_what_the_rollout_changed() {
    let mut tenant = with_steps(json!([{"percentage": 10}, {"percentage": 20, "after": "1h"}]));
    tenant.tick_at(START + 10);
    // Somebody adds a rule meanwhile.
    let mut flag = tenant.flag("a");
    let more = json!({"id": "mine", "when": {"attr": {"plan": "pro"}}, "serve": {"variant": "on"}});
    flag["rules"].as_array_mut().unwrap().insert(0, more);
    tenant.put(&flag.to_string()).unwrap();
    let changes = tenant.run(&steer(Steer::RollBack)).unwrap();
    assert_eq!(events(&changes), ["flag.rollout_rolled_back"]);
    assert_eq!(entries(&changes), ["flag.rollout_rolled_back by ann", "rollout.rolled_back by ann"]);
    let rules = tenant.flag("a")["rules"].clone();
    assert_eq!((rules.as_array().unwrap().len(), &rules[0]["id"]), (1, &json!("mine")));
    assert_eq!(tenant.run(&steer(Steer::RollBack)), Ok(vec![]));
    assert!(matches!(tenant.run(&steer(Steer::Cancel)), Err(Error::RolloutConflict(_))));

    // A rule that was there has its percentage again, also after the rollout is done.
    let mut tenant =
        Tenant::with_flags(&[r#"{"key":"a","rules":[{"id":"r","percentage":5,"serve":{"variant":"on"}}]}"#]);
    tenant.run(&start("a", &json!({"steps": [{"percentage": 100}], "rule_id": "r"}))).unwrap();
    tenant.tick_at(START + 10);
    assert_eq!(rollout(&tenant).status, RolloutStatus::Done);
    tenant.run(&steer(Steer::RollBack)).unwrap();
    assert_eq!(tenant.flag("a")["rules"][0]["percentage"], 5.0);

    // A stage is again what it was, whatever the map of environments became.
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a","stage":{"rollout_stage":"internal"}}"#]);
    tenant.run(&start("a", &json!({"steps": [{"percentage": 1}, {"percentage": 100, "after": "1h"}]}))).unwrap();
    tenant.tick_at(START + 10);
    assert_eq!(tenant.flag("a")["stage"]["rollout_stage"], "staged_1");
    tenant.tick_at(START + 10 + HOUR);
    assert_eq!(tenant.flag("a")["stage"]["rollout_stage"], "full");
    tenant.patch("a", r#"{"stage":{"rollout_stage_map":{"dev":"full"}}}"#).unwrap();
    tenant.run(&steer(Steer::RollBack)).unwrap();
    assert_eq!(tenant.flag("a")["stage"], json!({"rollout_stage": "internal", "rollout_stage_map": {"dev": "full"}}));

    // Before the first step there is nothing to bring back.
    let mut tenant = with_steps(json!([{"percentage": 10, "after": "1h"}]));
    tenant.run(&steer(Steer::RollBack)).unwrap();
    assert_eq!(tenant.version("a"), 1);
    assert!(matches!(
        Tenant::with_flags(&[r#"{"key":"a"}"#]).run(&steer(Steer::Pause)),
        Err(Error::RolloutConflict(_))
    ));
}

#[test]
fn a_rollout_ends_with_what_it_raises() {
    let ways: [(&str, Command); 3] = [
        ("the flag was archived", archive("a")),
        ("the flag was deleted", delete("a")),
        ("what it raises was removed", flag_draft(Some("a"), r#"{"rules":[]}"#, Write::Merge, None)),
    ];
    for (because, command) in ways {
        let mut tenant = with_steps(json!([{"percentage": 10}, {"percentage": 20, "after": "1h"}]));
        tenant.tick_at(START + 10);
        let changes = tenant.run(&command).unwrap();
        assert_eq!(events(&changes)[0], "flag.rollout_cancelled");
        let row = rollout(&tenant);
        assert_eq!(
            (row.status, row.ended_because.as_deref(), row.next_at),
            (RolloutStatus::Cancelled, Some(because), None)
        );
        assert_eq!(tenant.tick_at(START + DAY), []);
    }
    // Cancelled by somebody, the percentage stays.
    let mut tenant = with_steps(json!([{"percentage": 10}, {"percentage": 20, "after": "1h"}]));
    tenant.tick_at(START + 10);
    tenant.run(&steer(Steer::Cancel)).unwrap();
    assert_eq!((percentage(&tenant), tenant.run(&steer(Steer::Cancel))), (Some(10.0), Ok(vec![])));
}

#[test]
fn nobody_else_sets_what_a_rollout_sets() {
    let mut tenant = with_steps(json!([{"percentage": 10}, {"percentage": 20, "after": "1h"}]));
    let rule = |id: &str, percentage: f64| {
        json!({"rules": [{"id": id, "percentage": percentage, "serve": {"variant": "on"}}]}).to_string()
    };
    // Before its first step, its rule's place is taken.
    assert!(matches!(tenant.patch("a", &rule("rollout", 50.0)), Err(Error::RolloutConflict(_))));
    tenant.tick_at(START + 10);
    assert!(matches!(tenant.patch("a", &rule("rollout", 5.0)), Err(Error::RolloutConflict(_))));
    let import = json!({"flags": [serde_json::from_str::<Value>(&rule("rollout", 5.0)).map(|mut flag| { flag["key"] = "a".into(); flag }).unwrap()]});
    assert!(matches!(tenant.run(&Command::Import { document: import.to_string() }), Err(Error::RolloutConflict(_))));
    // All else may change: whom it is for, and whether the flag is on.
    tenant.patch("a", r#"{"state":"off","description":"x"}"#).unwrap();
    tenant.tick_at(START + 10 + HOUR);
    assert_eq!(percentage(&tenant), Some(20.0));
    tenant.patch("a", &rule("rollout", 5.0)).unwrap();
}

#[test]
fn both_switches_hold_all_rollouts() {
    let mut tenant = with_steps(json!([{"percentage": 10, "after": "1m"}, {"percentage": 20, "after": "1h"}]));
    let stop = |stopped| Command::StopRollouts { stopped, reason: Some("incident".into()) };
    assert_eq!(entries(&tenant.run(&stop(true)).unwrap()), ["tenant.rollouts_stopped by ann"]);
    assert_eq!(tenant.run(&stop(true)), Ok(vec![]));
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), None);
    assert_eq!(tenant.tick_at(START + HOUR), []);
    tenant.run(&stop(false)).unwrap();
    tenant.policy.rollouts = false;
    let now = START + 2 * HOUR;
    let held = tenant.tick_at(now);
    assert!(matches!(held.as_slice(), [Change::PutRollout(_)]), "{held:?}");
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(now + limits::ROLLOUT_HELD_MS));
    tenant.policy.rollouts = true;
    tenant.tick_at(now + limits::ROLLOUT_HELD_MS);
    // However long it was held, the second step waits its hour from here.
    assert_eq!(statuses(&tenant), "tw");
    assert_eq!(rollout(&tenant).next_at, Some(now + limits::ROLLOUT_HELD_MS + HOUR));
}

#[test]
fn a_step_that_cannot_be_taken_ends_its_rollout_alone() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#, r#"{"key":"b"}"#]);
    for flag in ["a", "b"] {
        tenant.run(&start(flag, &json!({"steps": [{"percentage": 10, "after": "1h"}]}))).unwrap();
    }
    let rules: Vec<Value> = (0..100).map(|n| json!({"id": format!("r{n}"), "serve": {"variant": "on"}})).collect();
    tenant.patch("a", &json!({"rules": rules}).to_string()).unwrap();
    let changes = tenant.tick_at(START + 2 * HOUR);
    assert_eq!(events(&changes), ["flag.rollout_cancelled", "flag.rollout_progress", "flag.rollout_done"]);
    assert!(rollout(&tenant).ended_because.unwrap().contains("RULES"));
    // And where it is known from the start, it does not start.
    assert!(conflict(tenant.run(&start("a", &json!({"steps": [{"percentage": 10}]})))).contains("RULES"));
}
