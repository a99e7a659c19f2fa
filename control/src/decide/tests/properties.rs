//! Random sequences of commands, and what holds after each.

use std::collections::BTreeMap;

use burgee_core::Snapshot;
use burgee_core::model::OverrideScope;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::audit::{FIRST_PREV_HASH, broken_at};

fn key() -> impl Strategy<Value = String> {
    "[abcde]".prop_map(|key| key)
}

fn segment_key() -> impl Strategy<Value = String> {
    prop_oneof!["[st]".prop_map(|key| key), Just("u".to_owned())]
}

fn condition() -> impl Strategy<Value = Value> {
    prop_oneof![
        segment_key().prop_map(|key| json!({"segment": key})),
        Just(json!({"attr": {"country": "CA"}})),
        Just(json!({"attr": "plan", "op": "in", "values": ["a", "b"]})),
        Just(json!({"not": {"attr": "n", "op": "gt", "value": 1.0}})),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let id = prop_oneof![Just("r1"), Just("r2"), Just("rollout")];
    let variant = prop_oneof![12 => Just("on"), 2 => Just("v1"), 1 => Just("gone")];
    (id, condition(), prop::option::of(0..=100_u8), variant).prop_map(|(id, when, percentage, variant)| {
        json!({"id": id, "when": when, "percentage": percentage, "serve": {"variant": variant}})
    })
}

fn prerequisite() -> impl Strategy<Value = Value> {
    let variants = prop_oneof![8 => Just(json!(["on"])), 1 => Just(json!(["off", "on"])), 1 => Just(json!(["v1"]))];
    (key(), variants).prop_map(|(flag, variants)| json!({"flag": flag, "variants": variants}))
}

/// Flag documents, some of which are at fault.
fn flag() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        12 => Just(json!({})),
        2 => Just(json!({"type": "string", "variants": [{"key": "v1", "value": "x"}, {"key": "on", "value": "y"}], "default_variant": "v1"})),
        1 => Just(json!({"type": "json", "variants": [{"key": "v1", "value": {"z": 1, "a": [1.0]}}]})),
        2 => Just(json!({"stage": {"rollout_stage": "staged_5"}})),
        1 => Just(json!({"state": "archived", "variants": []})),
        1 => Just(json!({"state": "off"})),
    ];
    let more = (
        prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(rule(), 1..3)],
        prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(prerequisite(), 1..3)],
    );
    (kind, more, prop::option::weighted(0.15, Just(true)), prop::option::of("[a-z]{0,3}")).prop_map(
        |(mut flag, (rules, prerequisites), high_impact, description)| {
            let members = flag.as_object_mut().unwrap();
            members.insert("rules".into(), rules.into());
            members.insert("prerequisites".into(), prerequisites.into());
            members.insert("high_impact".into(), high_impact.into());
            members.insert("description".into(), description.into());
            flag
        },
    )
}

fn segment() -> impl Strategy<Value = Value> {
    (segment_key(), prop::option::of(condition()), prop::collection::vec("[u-z]", 0..3))
        .prop_map(|(key, conditions, include)| json!({"key": key, "conditions": conditions, "include": include}))
}

fn expected() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.15, 1..4_u64)
}

fn scope() -> impl Strategy<Value = OverrideScope> {
    prop_oneof![Just(OverrideScope::User), Just(OverrideScope::Tenant)]
}

fn plan() -> impl Strategy<Value = String> {
    let step = (1..=100_u8, 0..4_u8, prop::option::weighted(0.2, Just("errors")));
    let more =
        prop_oneof![4 => Just(json!({})), 1 => Just(json!({"rule_id": "r1"})), 1 => Just(json!({"variant": "v1"}))];
    (prop::collection::btree_map(1..=100_u8, step, 1..4), more).prop_map(|(steps, mut plan)| {
        let mut at = 0;
        let steps = steps.into_iter().map(|(percentage, (_, when, gate))| {
            at += 20;
            let mut step = json!({"percentage": percentage, "gate": gate});
            match when {
                0 => drop(step.as_object_mut().unwrap().insert("after".into(), "5m".into())),
                1 => drop(step.as_object_mut().unwrap().insert("at".into(), (START + at * HOUR / 10).into())),
                _ => {}
            }
            step
        });
        plan["steps"] = steps.collect();
        plan.to_string()
    })
}

fn steer() -> impl Strategy<Value = Steer> {
    prop_oneof![
        3 => Just(Steer::Pause),
        4 => Just(Steer::Resume),
        1 => Just(Steer::Cancel),
        1 => Just(Steer::RollBack),
        2 => Just(Steer::OpenGate("errors".into())),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let write = prop_oneof![4 => Just(Write::Upsert), 1 => Just(Write::Replace), 2 => Just(Write::Merge)];
    // Of what there is; see `resolve`.
    let id = || (0..4_usize).prop_map(|number| number.to_string());
    prop_oneof![
        8 => (key(), flag(), write, expected()).prop_map(|(key, flag, write, expected)| {
            flag_draft(Some(&key), &flag.to_string(), write, expected)
        }),
        1 => (key(), expected()).prop_map(|(key, expected)| Command::DeleteFlag { key, expected }),
        1 => (key(), expected()).prop_map(|(key, expected)| Command::ArchiveFlag { key, expected }),
        3 => (key(), expected()).prop_map(|(key, expected)| Command::RestoreFlag { key, expected }),
        3 => segment().prop_map(|document| Command::PutSegment(draft(None, &document.to_string(), Write::Upsert, None))),
        1 => segment_key().prop_map(|key| Command::DeleteSegment { key, expected: None }),
        1 => (segment_key(), expected()).prop_map(|(key, expected)| Command::RestoreSegment { key, expected }),
        3 => (scope(), "[xyz]", key(), 0..4_u8).prop_map(|(scope, id, flag, variant)| {
            let variant = [json!("on"), json!(true), json!("v1"), json!("gone")][usize::from(variant)].clone();
            let expires_at = if id == "x" { json!(START + HOUR) } else { Value::Null };
            let document = json!({"variant": variant, "expires_at": expires_at}).to_string();
            Command::PutOverride { scope, id, flag, document }
        }),
        3 => (scope(), "[xyz]", key()).prop_map(|(scope, id, flag)| Command::RemoveOverride { scope, id, flag }),
        1 => ("[k*]", any::<bool>()).prop_map(|(category, engaged)| {
            Command::SetKillSwitch { category, engaged, reason: None }
        }),
        4 => (key(), plan()).prop_map(|(flag, document)| Command::StartRollout { flag, document }),
        5 => (key(), steer()).prop_map(|(flag, steer)| Command::SteerRollout { flag, steer }),
        1 => any::<bool>().prop_map(|stopped| Command::StopRollouts { stopped, reason: None }),
        4 => id().prop_map(|id| Command::ApproveProposal { id }),
        3 => id().prop_map(|id| Command::RejectProposal { id, reason: Some("no".into()) }),
        2 => (prop::collection::vec((key(), flag()), 0..3), prop::collection::vec(segment(), 0..2)).prop_map(|(flags, segments)| {
            let flags: Vec<Value> = flags.into_iter().map(|(key, mut flag)| { flag["key"] = key.into(); flag }).collect();
            Command::Import { document: json!({"flags": flags, "segments": segments}).to_string() }
        }),
        1 => Just(Command::CreateWebhook { document: json!({"url": "https://example.com/", "types": ["flag.*"]}).to_string() }),
        // Attempt 0 stands for one that begins; see `resolve`.
        2 => (id(), 0..3_u32, prop::option::of(prop_oneof![4 => Just(200_u16), 1 => Just(410), 4 => Just(500)])).prop_map(
            |(delivery, attempt, status)| Command::NoteAttempt { delivery, attempt, status, error: String::new() }
        ),
        1 => ("[bc]", key()).prop_map(|(id, flag)| {
            let count = ExposureCount { flag, variant: "on".into(), version: 1, count: 2, last_at: START };
            Command::CountExposures { id, counts: vec![count] }
        }),
        1 => prop_oneof![Just(json!({"scope": "global"})), Just(json!({"scope": "flag", "flag_key": "a"})), Just(json!({"scope": "tenant"}))]
            .prop_map(|document| Command::InvalidateCache { document: document.to_string() }),
        6 => Just(Command::Tick),
    ]
}

/// The command with the id of what there is in the place of a number.
fn resolve(command: Command, memory: &Memory) -> Command {
    let all = Page { after: None, limit: 1_000 };
    let pick = |ids: Vec<String>, number: &str| ids.get(number.parse::<usize>().unwrap()).cloned().unwrap_or_default();
    let proposal =
        |number: &str| pick(memory.proposals(None, &all).unwrap().into_iter().map(|row| row.id).collect(), number);
    match command {
        Command::ApproveProposal { id } => Command::ApproveProposal { id: proposal(&id) },
        Command::RejectProposal { id, reason } => Command::RejectProposal { id: proposal(&id), reason },
        // Most rows that are removed are there.
        Command::RemoveOverride { scope, id, flag } => {
            let row = memory.overrides_of(&flag).unwrap().pop();
            let (scope, id) = row.map_or((scope, id), |row| (row.scope, row.id));
            Command::RemoveOverride { scope, id, flag }
        }
        // Most of what is done to rollouts is done to one that there is.
        Command::SteerRollout { flag, steer } if memory.rollout(&flag).unwrap().is_none() => {
            let with = |flag: &&str| memory.rollout(flag).unwrap().is_some();
            let flag = ["a", "b", "c", "d", "e"].iter().copied().find(with).map_or(flag, str::to_owned);
            Command::SteerRollout { flag, steer }
        }
        Command::NoteAttempt { delivery, attempt, status, error } => {
            let webhooks = memory.webhooks().unwrap();
            let of = |webhook: &WebhookRow| memory.deliveries(&webhook.id, None, &all).unwrap();
            let delivery = pick(webhooks.iter().flat_map(of).map(|row| row.id).collect(), &delivery);
            match attempt {
                0 => Command::BeginAttempt { delivery },
                _ => Command::NoteAttempt { delivery, attempt, status, error },
            }
        }
        other => other,
    }
}

/// What time passes before a command: mostly little.
fn pause() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..1_000_i64, 4 => Just(HOUR / 10), 1 => Just(8 * DAY), 1 => Just(31 * DAY)]
}

/// What must hold of every state.
fn check(memory: &Memory, versions: &mut BTreeMap<String, u64>) {
    // The snapshot compiles, and nothing in it is at fault: no cycle, no unknown flag, segment, variant or row.
    let snapshot = Snapshot::parse(memory.snapshot().as_bytes()).unwrap();
    assert_eq!(snapshot.warnings(), []);
    let mut live = 0;
    for key in ["a", "b", "c", "d", "e"] {
        let Some(row) = memory.flag(key).unwrap() else {
            versions.remove(key);
            continue;
        };
        let document: Value = serde_json::from_str(&row.document).unwrap();
        assert_eq!(document["version"], row.version);
        assert!(row.version >= versions.insert(key.into(), row.version).unwrap_or(0));
        live += usize::from(row.deleted_at.is_none() && row.state != FlagState::Archived);
    }
    assert_eq!(snapshot.flags().len(), live);
}

/// The percentages of rollouts that are running never fall, and are what the flag has.
fn check_rollouts(before: &Memory, after: &Memory) {
    for key in ["a", "b", "c", "d", "e"] {
        let Some(row) = after.rollout(key).unwrap() else { continue };
        let taken: Vec<f64> =
            row.steps.iter().filter(|step| step.status == StepStatus::Taken).map(|step| step.percentage).collect();
        assert!(taken.is_sorted());
        assert_eq!(taken.last().copied(), row.percentage);
        if !row.is_active() {
            assert_eq!(row.next_at, None);
            continue;
        }
        if let Some(earlier) = before.rollout(key).unwrap().filter(|earlier| earlier.started_at == row.started_at) {
            assert!(row.percentage >= earlier.percentage);
        }
        let flag: Value = serde_json::from_str(&after.flag(key).unwrap().unwrap().document).unwrap();
        let present = match &row.target {
            RolloutTarget::Rule { id, .. } => {
                let rules = flag["rules"].as_array().cloned().unwrap_or_default();
                rules.iter().find(|rule| rule["id"] == id.as_str()).and_then(|rule| rule["percentage"].as_f64())
            }
            RolloutTarget::Stage => {
                let stage = flag["stage"]["rollout_stage"].as_str().unwrap();
                Some(stage.strip_prefix("staged_").map_or(100.0, |percent| percent.parse().unwrap()))
            }
        };
        if row.percentage.is_some() {
            assert_eq!(present, row.percentage, "{key}");
        }
    }
}

fn sequences(cases: u32) -> (usize, usize, BTreeMap<&'static str, usize>) {
    use proptest::test_runner::{Config, TestRunner};
    let counts = std::cell::RefCell::new((0, 0, BTreeMap::new()));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let actors = prop_oneof![Just("ann"), Just("bob")];
    let steps = prop::collection::vec((pause(), actors, command()), 1..60);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let mut tenant = Tenant::new();
        for key in ["s", "t", "u"] {
            tenant.segment(&json!({"key": key}).to_string()).unwrap();
        }
        for key in ["a", "b", "c"] {
            tenant.put(&json!({"key": key}).to_string()).unwrap();
        }
        let mut versions = BTreeMap::new();
        for (pause, actor, command) in steps {
            tenant.now += pause;
            let before = tenant.memory.clone();
            let now = tenant.now;
            let command = resolve(command, &before);
            // That a refused command leaves everything as it was is looked at in `run_as`.
            let result = tenant.run_as(actor, &command);
            assert!(!matches!(result, Err(Error::Unreadable(_))), "{result:?}");
            let mut counts = counts.borrow_mut();
            match &result {
                Ok(changes) => {
                    counts.0 += 1;
                    for event in changes {
                        if let Change::Event(row) = event {
                            let known = events::EVENT_TYPES.iter().find(|known| **known == row.event_type).unwrap();
                            *counts.2.entry(*known).or_insert(0) += 1;
                        }
                    }
                }
                Err(_) => counts.1 += 1,
            }
            check(&tenant.memory, &mut versions);
            check_rollouts(&before, &tenant.memory);
            // What the command added to the audit follows from what was there.
            let (seq, hash) = before.audit_head().unwrap().unwrap();
            let added = tenant.memory.audit_from(seq + 1, usize::MAX).unwrap();
            assert_eq!(broken_at(&hash, seq + 1, &added), None);
            if command == Command::Tick {
                // At the same time there is nothing left to do.
                let again = tenant.tick_at(now);
                assert_eq!(again, [], "{again:?}");
                let due = tenant.memory.next_due(&tenant.policy).unwrap();
                assert!(due.is_none_or(|due| due > now), "{due:?} is not after {now}");
            } else if result.is_ok() && !matches!(command, Command::CreateWebhook { .. } | Command::PutFlag(_)) {
                // Replayed, a command that succeeded does no harm.
                let _ = tenant.run_as(actor, &command);
                check(&tenant.memory, &mut versions);
            }
        }
        assert_eq!(broken_at(FIRST_PREV_HASH, 1, tenant.memory.all_audit()), None);
        Ok(())
    });
    result.unwrap();
    counts.into_inner()
}

#[test]
fn whatever_is_commanded_the_tenant_stays_whole() {
    let (mut done, mut refused, mut events) = sequences(500);
    let missing = |events: &BTreeMap<&'static str, usize>| -> Vec<_> {
        events::EVENT_TYPES.iter().filter(|event| !events.contains_key(**event)).copied().collect()
    };
    // Some events are seldom, and by luck not among the first.
    for _ in 0..6 {
        if missing(&events).is_empty() {
            break;
        }
        let more = sequences(500);
        (done, refused) = (done + more.0, refused + more.1);
        events.extend(more.2);
    }
    // Enough was done, and enough refused, for this to mean something.
    assert!(done > 6_000 && refused > 2_000, "{done} done, {refused} refused");
    let missing = missing(&events);
    assert!(missing.is_empty(), "{missing:?} never happened, of {events:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same document again changes nothing; so does what is shown, written back.
    #[test]
    fn upserts_are_idempotent(mut document in flag()) {
        let mut tenant = Tenant::new();
        document["key"] = "f".into();
        document["prerequisites"] = json!([]);
        document["high_impact"] = json!(false);
        for segment in ["s", "t", "u"] {
            tenant.segment(&json!({"key": segment}).to_string()).unwrap();
        }
        if tenant.put(&document.to_string()).is_ok() {
            prop_assert_eq!(tenant.put(&document.to_string()), Ok(vec![]));
            let shown = tenant.flag("f").to_string();
            prop_assert_eq!(tenant.put(&shown), Ok(vec![]));
            prop_assert_eq!(tenant.patch("f", "{}"), Ok(vec![]));
            prop_assert_eq!(tenant.version("f"), 1);
        }
    }
}
