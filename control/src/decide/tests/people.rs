//! Two people, and what time does to rows.

use burgee_core::model::OverrideScope;

use super::*;

fn approve(id: &str) -> Command {
    Command::ApproveProposal { id: id.to_owned() }
}

fn high_impact() -> (Tenant, ProposalRow) {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
    let changes = tenant.patch("a", r#"{"high_impact":true}"#).unwrap();
    assert_eq!(events(&changes), ["proposal.created"]);
    assert!(!changes.iter().any(|change| matches!(change, Change::PutFlag(_) | Change::SetVersion { .. })));
    let row = proposal(&changes);
    assert_eq!(
        (row.action.as_str(), row.flag.as_str(), row.flag_version, row.actor.as_str()),
        ("flag.updated", "a", 1, "ann")
    );
    (tenant, row)
}

#[test]
fn another_person_releases_what_was_proposed() {
    let (mut tenant, row) = high_impact();
    assert_eq!(tenant.run_as("ann", &approve(&row.id)), Err(Error::OwnProposal));
    assert_eq!(tenant.run_as("bob", &approve("p-99")), Err(Error::NotFound("proposal")));
    let changes = tenant.run_as("bob", &approve(&row.id)).unwrap();
    assert_eq!(entries(&changes), ["flag.updated by ann", "proposal.approved by bob"]);
    assert_eq!(events(&changes), ["flag.updated", "proposal.approved"]);
    let Some(Change::Audit(entry)) = changes.iter().find(|change| matches!(change, Change::Audit(_))) else { panic!() };
    assert!(entry.document.contains(r#""approved_by":"bob""#), "{}", entry.document);
    assert_eq!(tenant.flag("a")["high_impact"], true);
    assert!(conflict(tenant.run_as("bob", &approve(&row.id))).contains("approved already"));
    // What is of high impact leaves it by two people too.
    assert_eq!(events(&tenant.patch("a", r#"{"high_impact":false}"#).unwrap()), ["proposal.created"]);
    // And what changes nothing needs nobody.
    assert_eq!(tenant.patch("a", r#"{"high_impact":true}"#), Ok(vec![]));
}

#[test]
fn a_proposal_is_of_its_time() {
    let (mut tenant, row) = high_impact();
    tenant.patch("a", r#"{"description":"meanwhile"}"#).unwrap();
    let stale = Err(Error::VersionConflict { expected: 1, present: Some(2) });
    assert_eq!(tenant.run_as("bob", &approve(&row.id)), stale);
    // It goes on waiting, until it is taken back.
    assert_eq!(tenant.memory.proposal(&row.id).unwrap().unwrap().status, ProposalStatus::Waiting);
    let reject = Command::RejectProposal { id: row.id.clone(), reason: Some("old".into()) };
    assert_eq!(events(&tenant.run(&reject).unwrap()), ["proposal.rejected"]);
    assert!(conflict(tenant.run(&reject)).contains("rejected"));

    let (mut tenant, row) = high_impact();
    let due = row.created_at + limits::PROPOSAL_TTL_MS;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(due));
    assert_eq!(tenant.tick_at(due - 1), []);
    tenant.now = due;
    assert!(conflict(tenant.run_as("bob", &approve(&row.id))).contains("expired"));
    let changes = tenant.tick_at(due);
    assert_eq!(entries(&changes), ["proposal.expired by burgee:retention"]);
    assert_eq!(tenant.tick_at(due), []);
}

#[test]
fn what_has_become_wrong_goes_on_waiting() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#, r#"{"key":"b"}"#]);
    tenant.segment(r#"{"key":"s"}"#).unwrap();
    let named = r#"{"high_impact":true,"rules":[{"id":"r","when":{"segment":"s"},"serve":{"variant":"on"}}]}"#;
    let named = proposal(&tenant.patch("a", named).unwrap());
    let needs =
        |flag: &str| format!(r#"{{"high_impact":true,"prerequisites":[{{"flag":"{flag}","variants":["on"]}}]}}"#);
    let cyclic = proposal(&tenant.patch("a", &needs("b")).unwrap());
    // Neither changes the flag, so that its version is what it was.
    tenant.run(&Command::DeleteSegment { key: "s".into(), expected: None }).unwrap();
    tenant.patch("b", &needs("a").replace("true", "false")).unwrap();
    assert_eq!(
        faults(tenant.run_as("bob", &approve(&named.id))),
        [("/rules/0/when/segment".to_owned(), "unknown_reference".to_owned())]
    );
    let cycle = ["a", "b", "a"].map(str::to_owned).to_vec();
    assert_eq!(tenant.run_as("bob", &approve(&cyclic.id)), Err(Error::PrerequisiteCycle(cycle)));
    for row in [&named, &cyclic] {
        assert_eq!(tenant.memory.proposal(&row.id).unwrap().unwrap().status, ProposalStatus::Waiting);
    }
    // Once it is right again, it is done.
    tenant.run(&Command::RestoreSegment { key: "s".into(), expected: None }).unwrap();
    assert_eq!(events(&tenant.run_as("bob", &approve(&named.id)).unwrap()), ["flag.updated", "proposal.approved"]);
}

#[test]
fn what_a_flag_of_high_impact_names_changes_by_one_person() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"base"}"#]);
    tenant.segment(r#"{"key":"s"}"#).unwrap();
    let document = r#"{"key":"a","high_impact":true,"prerequisites":[{"flag":"base","variants":["on"]}],
        "rules":[{"id":"r","when":{"segment":"s"},"serve":{"variant":"on"}}]}"#;
    let row = proposal(&tenant.put(document).unwrap());
    tenant.run_as("bob", &approve(&row.id)).unwrap();
    assert_eq!(events(&tenant.segment(r#"{"key":"s","include":["u"]}"#).unwrap()), ["segment.updated"]);
    assert_eq!(events(&tenant.patch("base", r#"{"state":"off"}"#).unwrap()), ["flag.updated"]);
    let kill = Command::SetKillSwitch { category: "*".into(), engaged: true, reason: None };
    assert_eq!(events(&tenant.run(&kill).unwrap()), ["killswitch.engaged"]);
}

#[test]
fn proposals_are_no_more_than_can_be_looked_through() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
    let propose =
        |tenant: &mut Tenant, n: usize| tenant.patch("a", &format!(r#"{{"high_impact":true,"description":"{n}"}}"#));
    let first = proposal(&propose(&mut tenant, 0).unwrap());
    for n in 1..limits::PROPOSALS {
        propose(&mut tenant, n).unwrap();
    }
    assert_eq!(limit(propose(&mut tenant, limits::PROPOSALS)), "PROPOSALS");
    tenant.run(&Command::RejectProposal { id: first.id, reason: None }).unwrap();
    propose(&mut tenant, limits::PROPOSALS).unwrap();
}

#[test]
fn every_write_but_the_emergency_ones_waits() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"b"}"#]);
    let created = proposal(&tenant.put(r#"{"key":"a","high_impact":true}"#).unwrap());
    assert_eq!((created.action.as_str(), created.flag_version), ("flag.created", 0));
    assert!(tenant.memory.flag("a").unwrap().is_none());
    tenant.run_as("bob", &approve(&created.id)).unwrap();
    let put_override = Command::PutOverride {
        scope: OverrideScope::Tenant,
        id: "t".into(),
        flag: "a".into(),
        document: r#"{"variant":"on"}"#.into(),
    };
    let rollout = Command::StartRollout {
        flag: "a".into(),
        document: r#"{"steps":[{"percentage":5,"gate":"g"},{"percentage":9,"after":"1h"}]}"#.into(),
    };
    let steer = |steer| Command::SteerRollout { flag: "a".into(), steer };
    let waits = [archive("a"), delete("a"), put_override.clone(), rollout.clone()];
    for command in &waits {
        assert_eq!(events(&tenant.run(command).unwrap()), ["proposal.created"], "{command:?}");
    }
    let approved = |tenant: &mut Tenant, command: &Command| {
        let row = proposal(&tenant.run(command).unwrap());
        let events = events(&tenant.run_as("bob", &approve(&row.id)).unwrap());
        events[0].clone()
    };
    assert_eq!(approved(&mut tenant, &put_override), "override.set");
    let remove = Command::RemoveOverride { scope: OverrideScope::Tenant, id: "t".into(), flag: "a".into() };
    assert_eq!(approved(&mut tenant, &remove), "override.removed");
    for (command, event) in [(archive("a"), "flag.archived"), (restore("a"), "flag.restored")] {
        assert_eq!(approved(&mut tenant, &command), event);
    }
    assert_eq!(approved(&mut tenant, &rollout), "flag.rollout_scheduled");
    // Pausing does not wait, going on does.
    assert_eq!(events(&tenant.run(&steer(Steer::Pause)).unwrap()), ["flag.rollout_paused"]);
    assert_eq!(approved(&mut tenant, &steer(Steer::Resume)), "flag.rollout_resumed");
    assert_eq!(approved(&mut tenant, &steer(Steer::OpenGate("g".into()))), "flag.rollout_progress");
    let now = tenant.now;
    assert_eq!(tenant.tick_at(now), []);
    assert_eq!(events(&tenant.run(&steer(Steer::RollBack)).unwrap()), ["flag.rollout_rolled_back"]);
    assert_eq!(approved(&mut tenant, &rollout), "flag.rollout_scheduled");
    assert_eq!(events(&tenant.run(&steer(Steer::Cancel)).unwrap()), ["flag.rollout_cancelled"]);
    let import = Command::Import { document: r#"{"flags":[{"key":"a"},{"key":"b","description":"x"}]}"#.into() };
    assert!(conflict(tenant.run(&import)).contains("`a`"));
    let unchanged =
        Command::Import { document: format!(r#"{{"flags":[{},{{"key":"b","description":"x"}}]}}"#, tenant.flag("a")) };
    assert_eq!(events(&tenant.run(&unchanged).unwrap()), ["tenant.imported"]);
}

#[test]
fn a_rollout_of_one_person_stops_where_two_are_needed() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"a"}"#]);
    let document = r#"{"steps":[{"percentage":5,"after":"1h"},{"percentage":9}]}"#;
    tenant.run(&Command::StartRollout { flag: "a".into(), document: document.into() }).unwrap();
    let row = proposal(&tenant.patch("a", r#"{"high_impact":true}"#).unwrap());
    tenant.run_as("bob", &approve(&row.id)).unwrap();
    let now = START + 2 * HOUR;
    assert_eq!(events(&tenant.tick_at(now)), [] as [&str; 0]);
    let rollout = tenant.memory.rollout("a").unwrap().unwrap();
    assert_eq!((rollout.next_at, rollout.waits_for(now, false)), (None, Some(WaitsFor::Approval)));
    let resume = Command::SteerRollout { flag: "a".into(), steer: Steer::Resume };
    let row = proposal(&tenant.run(&resume).unwrap());
    assert_eq!(row.action, "rollout.resumed");
    let changes = tenant.run_as("bob", &approve(&row.id)).unwrap();
    assert_eq!(
        events(&changes),
        [
            "flag.rollout_resumed",
            "flag.rollout_progress",
            "flag.rollout_progress",
            "flag.rollout_done",
            "proposal.approved"
        ]
    );
    let entries = entries(&changes);
    assert_eq!(entries.first().map(String::as_str), Some("rollout.resumed by ann"));
    assert!(entries[1..4].iter().all(|entry| entry.ends_with(" by burgee:rollout")), "{entries:?}");
    assert_eq!(entries.last().map(String::as_str), Some("proposal.approved by bob"));
}

#[test]
fn what_is_gone_long_enough_is_purged() {
    let mut tenant = Tenant::with_flags(&[r#"{"key":"old"}"#, r#"{"key":"gone"}"#]);
    tenant.segment(r#"{"key":"s"}"#).unwrap();
    let put = Command::PutOverride {
        scope: OverrideScope::User,
        id: "u".into(),
        flag: "gone".into(),
        document: r#"{"variant":"on"}"#.into(),
    };
    tenant.run(&put).unwrap();
    tenant.run(&archive("old")).unwrap();
    tenant.now = START + DAY;
    tenant.run(&delete("gone")).unwrap();
    tenant.run(&Command::DeleteSegment { key: "s".into(), expected: None }).unwrap();
    let due = START + DAY + limits::DELETED_KEPT_MS;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(due));
    assert_eq!(tenant.tick_at(due - 1), []);
    let changes = tenant.tick_at(due);
    assert_eq!(
        (entries(&changes), events(&changes)),
        (vec!["flag.purged by burgee:retention".to_owned()], vec!["flag.purged".to_owned()])
    );
    assert!(!changes.iter().any(|change| matches!(change, Change::SetVersion { .. })));
    assert_eq!(entries(&tenant.tick_at(due + 1)), ["segment.purged by burgee:retention"]);
    assert_eq!(tenant.memory.overrides_of("gone").unwrap(), []);
    assert_eq!(tenant.run(&restore("gone")), Err(Error::NotFound("flag")));
    let archived_at = tenant.memory.flag("old").unwrap().unwrap().archived_at.unwrap();
    tenant.policy.retention_ms = 90 * DAY;
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), Some(archived_at + 90 * DAY));
    assert_eq!(tenant.tick_at(archived_at + 90 * DAY - 1), []);
    assert_eq!(events(&tenant.tick_at(archived_at + 90 * DAY)), ["flag.purged"]);
    assert_eq!(tenant.memory.next_due(&tenant.policy).unwrap(), None);
}
