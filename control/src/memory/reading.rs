//! What decisions read of a tenant in memory, and its lists.

use burgee_core::model::{KillSwitch, OverrideScope};

use super::{Memory, delivery_key, is_live, is_open, number, override_key};
use crate::command::Policy;
use crate::limits;
use crate::rows::*;
use crate::state::{AuditFilter, Counts, FlagFilter, Lists, Page, Read, State};

impl State for Memory {
    fn tenant(&self) -> &str {
        &self.tenant
    }

    fn counts(&self) -> Read<Counts> {
        let flags = self.flags.values().filter(|row| is_live(row)).map(|row| row.document.len());
        let segments = self.segments.values().filter(|row| row.deleted_at.is_none()).map(|row| row.document.len());
        let overrides = self.overrides.values().map(|row| row.document.len());
        Ok(Counts {
            flags: self.flags.values().filter(|row| row.deleted_at.is_none()).count(),
            segments: self.segments.values().filter(|row| row.deleted_at.is_none()).count(),
            overrides: self.overrides.len(),
            kill_switches: self.kill_switches.keys().filter(|category| *category != KillSwitch::GLOBAL).count(),
            proposals: self.proposals.values().filter(|row| row.status == ProposalStatus::Waiting).count(),
            webhooks: self.webhooks.len(),
            snapshot_bytes: flags.chain(segments).chain(overrides).sum(),
            attributes: self.live_attributes().collect::<std::collections::BTreeSet<_>>().len(),
        })
    }

    fn version(&self) -> Read<u64> {
        Ok(self.version)
    }

    fn flag(&self, key: &str) -> Read<Option<FlagRow>> {
        Ok(self.flags.get(key).cloned())
    }

    fn dependents(&self, key: &str) -> Read<Vec<String>> {
        let needs = |row: &&FlagRow| is_live(row) && row.prerequisites.iter().any(|needed| needed == key);
        Ok(self.flags.values().filter(needs).map(|row| row.key.clone()).collect())
    }

    fn flags_with_segment(&self, key: &str) -> Read<Vec<String>> {
        let names = |row: &&FlagRow| row.deleted_at.is_none() && row.segments.iter().any(|segment| segment == key);
        Ok(self.flags.values().filter(names).map(|row| row.key.clone()).collect())
    }

    fn has_attribute(&self, name: &str) -> Read<bool> {
        Ok(self.live_attributes().any(|attribute| attribute == name))
    }

    fn flags_to_purge(&self, archived_before: i64, deleted_before: i64, limit: usize) -> Read<Vec<FlagRow>> {
        let is_due = |row: &&FlagRow| match row.deleted_at {
            Some(at) => at < deleted_before,
            None => row.archived_at.is_some_and(|at| at < archived_before),
        };
        Ok(self.flags.values().filter(is_due).take(limit).cloned().collect())
    }

    fn segment(&self, key: &str) -> Read<Option<SegmentRow>> {
        Ok(self.segments.get(key).cloned())
    }

    fn segments_to_purge(&self, deleted_before: i64, limit: usize) -> Read<Vec<SegmentRow>> {
        let is_due = |row: &&SegmentRow| row.deleted_at.is_some_and(|at| at < deleted_before);
        Ok(self.segments.values().filter(is_due).take(limit).cloned().collect())
    }

    fn override_row(&self, scope: OverrideScope, id: &str, flag: &str) -> Read<Option<OverrideRow>> {
        Ok(self.overrides.get(&override_key(scope, id, flag)).cloned())
    }

    fn overrides_of(&self, flag: &str) -> Read<Vec<OverrideRow>> {
        Ok(self.overrides.values().filter(|row| row.flag == flag).cloned().collect())
    }

    fn kill_switch(&self, category: &str) -> Read<Option<KillSwitchRow>> {
        Ok(self.kill_switches.get(category).cloned())
    }

    fn rollout(&self, flag: &str) -> Read<Option<RolloutRow>> {
        Ok(self.rollouts.get(flag).cloned())
    }

    fn rollouts_due(&self, now: i64) -> Read<Vec<RolloutRow>> {
        Ok(self.rollouts.values().filter(|row| row.next_at.is_some_and(|at| at <= now)).cloned().collect())
    }

    fn rollouts_stopped(&self) -> Read<bool> {
        Ok(self.rollouts_stopped)
    }

    fn proposal(&self, id: &str) -> Read<Option<ProposalRow>> {
        Ok(self.proposals.get(&number(id)).filter(|row| row.id == id).cloned())
    }

    fn proposals_waiting(&self, before: i64) -> Read<Vec<ProposalRow>> {
        let waits = |row: &&ProposalRow| row.status == ProposalStatus::Waiting && row.created_at < before;
        Ok(self.proposals.values().filter(waits).cloned().collect())
    }

    fn webhooks(&self) -> Read<Vec<WebhookRow>> {
        Ok(self.webhooks.values().cloned().collect())
    }

    fn delivery(&self, id: &str) -> Read<Option<DeliveryRow>> {
        Ok(self.deliveries.get(&delivery_key(id)).cloned())
    }

    fn oldest_delivery(&self) -> Read<Option<i64>> {
        Ok(self.deliveries.values().filter_map(|row| row.ended_at).min())
    }

    fn deliveries_due(&self, now: i64, limit: usize) -> Read<Vec<DeliveryRow>> {
        let is_due = |row: &&DeliveryRow| is_open(row) && row.next_at.is_some_and(|next_at| next_at <= now);
        Ok(self.deliveries.values().filter(is_due).take(limit).cloned().collect())
    }

    fn has_batch(&self, id: &str) -> Read<bool> {
        Ok(self.batches.contains_key(id))
    }

    fn oldest_batch(&self) -> Read<Option<i64>> {
        Ok(self.batches.values().min().copied())
    }

    fn deliveries_waiting(&self) -> Read<u64> {
        let waiting = self.deliveries.values().filter(|row| row.status == DeliveryStatus::Waiting);
        Ok(waiting.count() as u64)
    }

    fn sink_seq(&self) -> Read<u64> {
        Ok(self.sink_seq)
    }

    fn audit_after(&self, seq: u64, limit: usize) -> Read<Vec<AuditRow>> {
        self.audit_from(seq.saturating_add(1), limit)
    }

    fn invalidated_at(&self, actor: &str, after: i64) -> Read<Option<i64>> {
        let is_it = |row: &&AuditRow| {
            let document: serde_json::Value = serde_json::from_str(&row.document).unwrap_or_default();
            row.at > after
                && row.actor == actor
                && row.action == "cache_invalidated"
                && document.pointer("/after/scope").is_some_and(|scope| scope == "global")
        };
        Ok(self.audit.iter().filter(is_it).map(|row| row.at).max())
    }

    fn audit_head(&self) -> Read<Option<(u64, String)>> {
        Ok(self.audit.last().map(|row| (row.seq, row.hash.clone())))
    }

    fn events(&self) -> Read<Option<(u64, u64)>> {
        let first = self.events.first_key_value().map(|(seq, _)| *seq);
        Ok(first.zip(self.events.last_key_value().map(|(seq, _)| *seq)))
    }

    fn next_due(&self, policy: &Policy) -> Read<Option<i64>> {
        let rollouts = self.rollouts.values().filter(|_| !self.rollouts_stopped).filter_map(|row| row.next_at);
        let pending = self.deliveries.values().filter(|row| is_open(row));
        let untold = if policy.audit_sink { self.audit_after(self.sink_seq, 1)? } else { Vec::new() };
        let waiting = self.proposals.values().filter(|row| row.status == ProposalStatus::Waiting);
        let flags = self.flags.values().filter_map(|row| match row.deleted_at {
            Some(at) => Some(at.saturating_add(limits::DELETED_KEPT_MS)),
            None => Some(row.archived_at?.saturating_add(policy.retention_ms)),
        });
        let segments = self.segments.values().filter_map(|row| row.deleted_at);
        let oldest_delivery = self.oldest_delivery()?.map(|at| at.saturating_add(limits::DELIVERIES_KEPT_MS));
        let oldest_batch = self.oldest_batch()?.map(|at| at.saturating_add(limits::BATCH_KEPT_MS));
        Ok(rollouts
            .chain(pending.filter_map(|row| row.next_at))
            .chain(waiting.map(|row| row.created_at.saturating_add(limits::PROPOSAL_TTL_MS)))
            .chain(flags)
            .chain(segments.map(|at| at.saturating_add(limits::DELETED_KEPT_MS)))
            .chain(oldest_delivery)
            .chain(oldest_batch)
            .chain(untold.first().map(|row| row.at))
            .min())
    }
}

/// What comes after the page's place, in the order of the iterator; `is_seen` tells what stands at or before it.
fn page<T: Clone>(rows: impl Iterator<Item = T>, page: &Page, is_seen: impl Fn(&T, &str) -> bool) -> Vec<T> {
    rows.filter(|row| !page.after.as_deref().is_some_and(|after| is_seen(row, after))).take(page.limit).collect()
}

impl Lists for Memory {
    fn flags(&self, filter: &FlagFilter, of: &Page) -> Read<Vec<FlagRow>> {
        let passes = |row: &&FlagRow| {
            let last_seen = self.exposures.iter().filter(|((flag, _, _), _)| *flag == row.key);
            let last_seen = last_seen.map(|(_, (_, last_at))| *last_at).max();
            row.deleted_at.is_none()
                && filter.state.map_or(row.state != FlagState::Archived, |state| row.state == state)
                && filter.tag.as_ref().is_none_or(|tag| row.tags.contains(tag))
                && filter.prefix.as_ref().is_none_or(|prefix| row.key.starts_with(prefix))
                && filter.search.as_ref().is_none_or(|text| row.search.contains(text))
                && filter.unseen_since.is_none_or(|since| {
                    row.created_at < since && row.updated_at < since && last_seen.is_none_or(|at| at < since)
                })
        };
        Ok(page(self.flags.values().filter(passes).cloned(), of, |row, after| row.key.as_str() <= after))
    }

    fn segments(&self, prefix: Option<&str>, search: Option<&str>, of: &Page) -> Read<Vec<SegmentRow>> {
        let passes = |row: &&SegmentRow| {
            row.deleted_at.is_none()
                && prefix.is_none_or(|prefix| row.key.starts_with(prefix))
                && search.is_none_or(|text| row.search.contains(text))
        };
        Ok(page(self.segments.values().filter(passes).cloned(), of, |row, after| row.key.as_str() <= after))
    }

    fn kill_switches(&self) -> Read<Vec<KillSwitchRow>> {
        Ok(self.kill_switches.values().cloned().collect())
    }

    fn proposals(&self, status: Option<ProposalStatus>, of: &Page) -> Read<Vec<ProposalRow>> {
        let rows = self.proposals.values().rev().filter(|row| status.is_none_or(|status| row.status == status));
        Ok(page(rows.cloned(), of, |row, after| number(&row.id) >= number(after)))
    }

    fn deliveries(&self, webhook: &str, status: Option<DeliveryStatus>, of: &Page) -> Read<Vec<DeliveryRow>> {
        let passes = |row: &&DeliveryRow| row.webhook == webhook && status.is_none_or(|status| row.status == status);
        let rows = self.deliveries.values().rev().filter(passes);
        Ok(page(rows.cloned(), of, |row, after| delivery_key(&row.id) >= delivery_key(after)))
    }

    fn exposures(&self, flag: &str) -> Read<Vec<ExposureCount>> {
        let of_flag = self.exposures.iter().filter(|((of, _, _), _)| of == flag);
        let row = |((flag, variant, version), (count, last_at)): (&(String, String, u64), &(u64, i64))| ExposureCount {
            flag: flag.clone(),
            variant: variant.clone(),
            version: *version,
            count: *count,
            last_at: *last_at,
        };
        Ok(of_flag.map(row).collect())
    }

    fn audit(&self, filter: &AuditFilter, of: &Page) -> Read<Vec<AuditRow>> {
        let passes = |row: &&AuditRow| {
            filter.entity.as_deref().is_none_or(|entity| row.entity == entity)
                && filter.entity_key.as_ref().is_none_or(|key| row.entity_key == *key)
                && filter.actor.as_ref().is_none_or(|actor| row.actor == *actor)
                && filter.since.is_none_or(|since| row.at >= since)
                && filter.until.is_none_or(|until| row.at < until)
        };
        let rows = self.audit.iter().rev().filter(passes);
        Ok(page(rows.cloned(), of, |row, after| after.parse().is_ok_and(|after: u64| row.seq >= after)))
    }

    fn audit_from(&self, seq: u64, limit: usize) -> Read<Vec<AuditRow>> {
        Ok(self.audit.iter().filter(|row| row.seq >= seq).take(limit).cloned().collect())
    }

    fn events_after(&self, seq: u64, limit: usize) -> Read<Vec<EventRow>> {
        Ok(self.events.values().filter(|row| row.seq > seq).take(limit).cloned().collect())
    }
}
