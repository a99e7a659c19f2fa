//! A tenant in SQLite, as `burgee-control` looks at it and changes it.

use burgee_control::limits::{BATCH_KEPT_MS, DELETED_KEPT_MS, DELIVERIES_KEPT_MS, PROPOSAL_TTL_MS};
use burgee_control::{
    AuditFilter, AuditRow, Change, Counts, DeliveryRow, DeliveryStatus, EventRow, ExposureCount, FlagFilter, FlagRow,
    KillSwitchRow, Lists, OverrideRow, Page, Policy, ProposalRow, ProposalStatus, Read, RolloutRow, SegmentRow, State,
    Store, WebhookRow,
};
use burgee_core::model::OverrideScope;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::commit;
use super::rows::{self, name, place, read, read_all};
use super::sql::{Database, bound};

/// A tenant's database. Whoever changes it holds a transaction around the call, and undoes it where the call fails.
pub(crate) struct SqlStore {
    pub(super) database: Database,
    tenant: String,
    /// What was stored through this store, for whoever must act on it once the transaction holds.
    pub(super) committed: Vec<Change>,
    /// Tests bring the instance down after so many changes of a commit.
    pub(super) panic_after: Option<usize>,
}

impl SqlStore {
    /// Takes a database whose tables are those of the last migration.
    pub(crate) fn new(database: Database, tenant: String) -> Self {
        Self { database, tenant, committed: Vec::new(), panic_after: None }
    }

    fn flags_of(&self, statement: &str, bound: &[Value]) -> Read<Vec<FlagRow>> {
        self.database.rows::<rows::FlagColumns>(statement, bound)?.into_iter().map(rows::FlagColumns::row).collect()
    }

    fn segments_of(&self, statement: &str, bound: &[Value]) -> Read<Vec<SegmentRow>> {
        self.database
            .rows::<rows::SegmentColumns>(statement, bound)?
            .into_iter()
            .map(rows::SegmentColumns::row)
            .collect()
    }

    fn audit_of(&self, statement: &str, bound: &[Value]) -> Read<Vec<AuditRow>> {
        self.database.rows::<rows::AuditColumns>(statement, bound)?.into_iter().map(rows::AuditColumns::row).collect()
    }

    /// A row of which all is kept as JSON.
    fn kept<T: DeserializeOwned>(&self, statement: &str, bound: &[Value]) -> Read<Option<T>> {
        self.database.value::<String>(statement, bound)?.map(|document| read(&document)).transpose()
    }

    /// Rows of which all is kept as JSON.
    fn all_kept<T: DeserializeOwned>(&self, statement: &str, bound: &[Value]) -> Read<Vec<T>> {
        read_all(&self.database.column::<String>(statement, bound)?)
    }
}

/// Flags that are not deleted and name something, found from the other side.
const NAMING: &str =
    "SELECT key FROM names JOIN flags ON key = owner WHERE kind = ? AND name = ? AND deleted_at IS NULL";

impl State for SqlStore {
    fn tenant(&self) -> &str {
        &self.tenant
    }

    fn counts(&self) -> Read<Counts> {
        // `named` goes from each name to the next: ten thousand flags that name one attribute are one step.
        let counts: Option<[usize; 8]> = self.database.row(
            "WITH RECURSIVE named (kind, name) AS ( \
                SELECT 'attribute', (SELECT min(name) FROM names WHERE kind = 'attribute') \
                UNION ALL SELECT 'segment_attribute', (SELECT min(name) FROM names WHERE kind = 'segment_attribute') \
                UNION ALL SELECT kind, (SELECT min(name) FROM names WHERE kind = named.kind AND name > named.name) \
                    FROM named WHERE name IS NOT NULL) \
            SELECT (SELECT count(*) FROM flags WHERE deleted_at IS NULL), \
                (SELECT count(*) FROM segments WHERE deleted_at IS NULL), \
                (SELECT count(*) FROM overrides), \
                (SELECT count(*) FROM kill_switches WHERE category <> '*'), \
                (SELECT count(*) FROM proposals WHERE status = 'waiting'), \
                (SELECT count(*) FROM webhooks), \
                (SELECT coalesce(sum(octet_length(document)), 0) FROM flags WHERE deleted_at IS NULL AND state <> 'archived') \
                + (SELECT coalesce(sum(octet_length(document)), 0) FROM segments WHERE deleted_at IS NULL) \
                + (SELECT coalesce(sum(octet_length(document)), 0) FROM overrides), \
                (SELECT count(DISTINCT name) FROM named WHERE (kind = 'attribute' AND EXISTS (SELECT 1 FROM names JOIN flags ON key = owner \
                        WHERE names.kind = named.kind AND names.name = named.name AND deleted_at IS NULL AND state <> 'archived')) \
                    OR (kind = 'segment_attribute' AND EXISTS (SELECT 1 FROM names JOIN segments ON key = owner \
                        WHERE names.kind = named.kind AND names.name = named.name AND deleted_at IS NULL)))",
            &[],
        )?;
        let [flags, segments, overrides, kill_switches, proposals, webhooks, snapshot_bytes, attributes] =
            counts.unwrap_or_default();
        Ok(Counts { flags, segments, overrides, kill_switches, proposals, webhooks, snapshot_bytes, attributes })
    }

    fn version(&self) -> Read<u64> {
        Ok(self.database.value("SELECT version FROM tenant", &[])?.unwrap_or(0))
    }

    fn flag(&self, key: &str) -> Read<Option<FlagRow>> {
        let statement = format!("SELECT {} FROM flags WHERE key = ?", rows::FLAG);
        Ok(self.flags_of(&statement, bound![key])?.into_iter().next())
    }

    fn dependents(&self, key: &str) -> Read<Vec<String>> {
        let statement = format!("{NAMING} AND state <> 'archived' ORDER BY key");
        self.database.column(&statement, bound!["prerequisite", key])
    }

    fn flags_with_segment(&self, key: &str) -> Read<Vec<String>> {
        self.database.column(&format!("{NAMING} ORDER BY key"), bound!["segment", key])
    }

    fn has_attribute(&self, name: &str) -> Read<bool> {
        let found: Option<i64> = self.database.value(
            "SELECT 1 FROM names JOIN flags ON key = owner \
                WHERE kind = 'attribute' AND name = ? AND deleted_at IS NULL AND state <> 'archived' \
            UNION ALL SELECT 1 FROM names JOIN segments ON key = owner \
                WHERE kind = 'segment_attribute' AND name = ? AND deleted_at IS NULL LIMIT 1",
            bound![name, name],
        )?;
        Ok(found.is_some())
    }

    fn flags_to_purge(&self, archived_before: i64, deleted_before: i64, limit: usize) -> Read<Vec<FlagRow>> {
        let which = "deleted_at < ? OR (deleted_at IS NULL AND archived_at < ?)";
        let statement = format!("SELECT {} FROM flags WHERE {which} ORDER BY key LIMIT ?", rows::FLAG);
        self.flags_of(&statement, bound![deleted_before, archived_before, limit])
    }

    fn segment(&self, key: &str) -> Read<Option<SegmentRow>> {
        let statement = format!("SELECT {} FROM segments WHERE key = ?", rows::SEGMENT);
        Ok(self.segments_of(&statement, bound![key])?.into_iter().next())
    }

    fn segments_to_purge(&self, deleted_before: i64, limit: usize) -> Read<Vec<SegmentRow>> {
        let statement = format!("SELECT {} FROM segments WHERE deleted_at < ? ORDER BY key LIMIT ?", rows::SEGMENT);
        self.segments_of(&statement, bound![deleted_before, limit])
    }

    fn override_row(&self, scope: OverrideScope, id: &str, flag: &str) -> Read<Option<OverrideRow>> {
        let statement = format!("SELECT {} FROM overrides WHERE flag = ? AND scope = ? AND id = ?", rows::OVERRIDE);
        let columns: Option<rows::OverrideColumns> = self.database.row(&statement, bound![flag, scope, id])?;
        Ok(columns.map(OverrideRow::from))
    }

    fn overrides_of(&self, flag: &str) -> Read<Vec<OverrideRow>> {
        let statement = format!("SELECT {} FROM overrides WHERE flag = ? ORDER BY scope, id", rows::OVERRIDE);
        let columns = self.database.rows::<rows::OverrideColumns>(&statement, bound![flag])?;
        Ok(columns.into_iter().map(OverrideRow::from).collect())
    }

    fn kill_switch(&self, category: &str) -> Read<Option<KillSwitchRow>> {
        self.kept("SELECT document FROM kill_switches WHERE category = ?", bound![category])
    }

    fn rollout(&self, flag: &str) -> Read<Option<RolloutRow>> {
        self.kept("SELECT document FROM rollouts WHERE flag = ?", bound![flag])
    }

    fn rollouts_due(&self, now: i64) -> Read<Vec<RolloutRow>> {
        self.all_kept("SELECT document FROM rollouts WHERE next_at <= ? ORDER BY next_at, flag", bound![now])
    }

    fn rollouts_stopped(&self) -> Read<bool> {
        Ok(self.database.value::<i64>("SELECT rollouts_stopped FROM tenant", &[])?.is_some_and(|stopped| stopped != 0))
    }

    fn proposal(&self, id: &str) -> Read<Option<ProposalRow>> {
        self.kept("SELECT document FROM proposals WHERE id = ?", bound![id])
    }

    fn proposals_waiting(&self, before: i64) -> Read<Vec<ProposalRow>> {
        self.all_kept(
            "SELECT document FROM proposals WHERE status = 'waiting' AND created_at < ? ORDER BY place",
            bound![before],
        )
    }

    fn webhooks(&self) -> Read<Vec<WebhookRow>> {
        self.all_kept("SELECT document FROM webhooks ORDER BY place", &[])
    }

    fn delivery(&self, id: &str) -> Read<Option<DeliveryRow>> {
        self.kept("SELECT document FROM deliveries WHERE id = ?", bound![id])
    }

    fn oldest_delivery(&self) -> Read<Option<i64>> {
        Ok(self
            .database
            .value::<Option<i64>>("SELECT min(ended_at) FROM deliveries WHERE status IN ('delivered', 'dead')", &[])?
            .flatten())
    }

    fn deliveries_due(&self, now: i64, limit: usize) -> Read<Vec<DeliveryRow>> {
        self.all_kept(
            "SELECT document FROM deliveries WHERE status IN ('pending', 'waiting') AND next_at <= ? ORDER BY next_at, id LIMIT ?",
            bound![now, limit],
        )
    }

    fn has_batch(&self, id: &str) -> Read<bool> {
        Ok(self.database.value::<i64>("SELECT 1 FROM batches WHERE id = ?", bound![id])?.is_some())
    }

    fn oldest_batch(&self) -> Read<Option<i64>> {
        Ok(self.database.value::<Option<i64>>("SELECT min(at) FROM batches", &[])?.flatten())
    }

    fn deliveries_waiting(&self) -> Read<u64> {
        let waiting = "SELECT count(*) FROM deliveries WHERE status IN ('pending', 'waiting') AND status = 'waiting'";
        Ok(self.database.value(waiting, &[])?.unwrap_or(0))
    }

    fn sink_seq(&self) -> Read<u64> {
        Ok(self.database.value("SELECT sink_seq FROM tenant", &[])?.unwrap_or(0))
    }

    fn audit_after(&self, seq: u64, limit: usize) -> Read<Vec<AuditRow>> {
        self.audit_from(seq.saturating_add(1), limit)
    }

    fn invalidated_at(&self, actor: &str, after: i64) -> Read<Option<i64>> {
        let last: Option<Option<i64>> = self.database.value(
            "SELECT max(at) FROM audit WHERE at > ? AND actor = ? AND action = 'cache_invalidated' \
                AND json_extract(document, '$.after.scope') = 'global'",
            bound![after, actor],
        )?;
        Ok(last.flatten())
    }

    fn audit_head(&self) -> Read<Option<(u64, String)>> {
        self.database.row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", &[])
    }

    fn events(&self) -> Read<Option<(u64, u64)>> {
        let ends: Option<(Option<u64>, Option<u64>)> =
            self.database.row("SELECT min(seq), max(seq) FROM events", &[])?;
        Ok(ends.and_then(|(first, last)| first.zip(last)))
    }

    fn next_due(&self, policy: &Policy) -> Read<Option<i64>> {
        // Each a column of its own: the platform allows five parts in a `UNION`.
        let due: Option<[Option<i64>; 9]> = self.database.row(
            "SELECT (SELECT min(next_at) FROM rollouts WHERE next_at IS NOT NULL AND NOT (SELECT rollouts_stopped FROM tenant)), \
                (SELECT min(next_at) FROM deliveries WHERE status IN ('pending', 'waiting') AND next_at IS NOT NULL), \
                (SELECT min(created_at) + ? FROM proposals WHERE status = 'waiting'), \
                (SELECT min(deleted_at) + ? FROM flags WHERE deleted_at IS NOT NULL), \
                (SELECT min(archived_at) + ? FROM flags WHERE archived_at IS NOT NULL AND deleted_at IS NULL), \
                (SELECT min(deleted_at) + ? FROM segments WHERE deleted_at IS NOT NULL), \
                (SELECT min(ended_at) + ? FROM deliveries WHERE status IN ('delivered', 'dead')), \
                (SELECT min(at) + ? FROM batches), \
                (SELECT at FROM audit WHERE ? AND seq = (SELECT sink_seq + 1 FROM tenant))",
            bound![PROPOSAL_TTL_MS, DELETED_KEPT_MS, policy.retention_ms, DELETED_KEPT_MS, DELIVERIES_KEPT_MS, BATCH_KEPT_MS, i64::from(policy.audit_sink)],
        )?;
        Ok(due.into_iter().flatten().flatten().min())
    }
}

/// A statement that is put together of conditions that hold only where they are asked for. Their texts are this program's; what callers
/// ask for is bound.
struct Where {
    text: String,
    bound: Vec<Value>,
}

impl Where {
    fn new(statement: String) -> Self {
        Self { text: statement, bound: Vec::new() }
    }

    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.bound.push(value.into());
    }

    /// The same where a filter asks for it.
    fn and_if<T: Into<Value>>(&mut self, condition: &str, value: Option<T>) {
        if let Some(value) = value {
            self.and(condition, value);
        }
    }

    /// What keys start with. `LIKE` would read `%` and `_` in them.
    fn starts_with(&mut self, prefix: Option<&str>) {
        if let Some(prefix) = prefix {
            self.and("key >= ?", prefix);
            self.and("substr(key, 1, length(?)) = ", prefix);
            self.text.push('?');
            self.bound.push(prefix.into());
        }
    }

    fn ordered(mut self, order: &str, limit: usize) -> (String, Vec<Value>) {
        self.text.push_str(" ORDER BY ");
        self.text.push_str(order);
        self.text.push_str(" LIMIT ?");
        self.bound.push(limit.into());
        (self.text, self.bound)
    }
}

impl Lists for SqlStore {
    fn flags(&self, filter: &FlagFilter, page: &Page) -> Read<Vec<FlagRow>> {
        let mut list = Where::new(format!("SELECT {} FROM flags WHERE deleted_at IS NULL", rows::FLAG));
        match &filter.state {
            Some(state) => list.and("state = ?", name(state)?),
            None => list.text.push_str(" AND state <> 'archived'"),
        }
        list.and_if("key > ?", page.after.as_deref());
        list.starts_with(filter.prefix.as_deref());
        list.and_if("key IN (SELECT owner FROM names WHERE kind = 'tag' AND name = ?)", filter.tag.as_deref());
        list.and_if("instr(search, ?) > 0", filter.search.as_deref());
        if let Some(since) = filter.unseen_since {
            list.and("max(created_at, updated_at) < ?", since);
            list.and("NOT EXISTS (SELECT 1 FROM exposures WHERE exposures.flag = flags.key AND last_at >= ?)", since);
        }
        let (statement, bound) = list.ordered("key", page.limit);
        self.flags_of(&statement, &bound)
    }

    fn segments(&self, prefix: Option<&str>, search: Option<&str>, page: &Page) -> Read<Vec<SegmentRow>> {
        let mut list = Where::new(format!("SELECT {} FROM segments WHERE deleted_at IS NULL", rows::SEGMENT));
        list.and_if("key > ?", page.after.as_deref());
        list.starts_with(prefix);
        list.and_if("instr(search, ?) > 0", search);
        let (statement, bound) = list.ordered("key", page.limit);
        self.segments_of(&statement, &bound)
    }

    fn kill_switches(&self) -> Read<Vec<KillSwitchRow>> {
        self.all_kept("SELECT document FROM kill_switches ORDER BY category", &[])
    }

    fn proposals(&self, status: Option<ProposalStatus>, page: &Page) -> Read<Vec<ProposalRow>> {
        let mut list = Where::new("SELECT document FROM proposals WHERE 1".to_owned());
        list.and_if("place < ?", page.after.as_deref().map(place));
        list.and_if("status = ?", status.map(|status| name(&status)).transpose()?);
        let (statement, bound) = list.ordered("place DESC", page.limit);
        self.all_kept(&statement, &bound)
    }

    fn deliveries(&self, webhook: &str, status: Option<DeliveryStatus>, page: &Page) -> Read<Vec<DeliveryRow>> {
        let mut list = Where::new("SELECT document FROM deliveries WHERE 1".to_owned());
        list.and("webhook = ?", webhook);
        list.and_if("place < ?", page.after.as_deref().map(place));
        list.and_if("status = ?", status.map(|status| name(&status)).transpose()?);
        let (statement, bound) = list.ordered("place DESC", page.limit);
        self.all_kept(&statement, &bound)
    }

    fn exposures(&self, flag: &str) -> Read<Vec<ExposureCount>> {
        let statement = format!("SELECT {} FROM exposures WHERE flag = ? ORDER BY variant, version", rows::EXPOSURE);
        let columns = self.database.rows::<rows::ExposureColumns>(&statement, bound![flag])?;
        Ok(columns.into_iter().map(ExposureCount::from).collect())
    }

    fn audit(&self, filter: &AuditFilter, page: &Page) -> Read<Vec<AuditRow>> {
        let mut list = Where::new(format!("SELECT {} FROM audit WHERE 1", rows::AUDIT));
        list.and_if("seq < ?", page.after.as_deref().map(place));
        list.and_if("entity = ?", filter.entity.as_deref());
        list.and_if("entity_key = ?", filter.entity_key.as_deref());
        list.and_if("actor = ?", filter.actor.as_deref());
        list.and_if("at >= ?", filter.since);
        list.and_if("at < ?", filter.until);
        let (statement, bound) = list.ordered("seq DESC", page.limit);
        self.audit_of(&statement, &bound)
    }

    fn audit_from(&self, seq: u64, limit: usize) -> Read<Vec<AuditRow>> {
        let statement = format!("SELECT {} FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?", rows::AUDIT);
        self.audit_of(&statement, bound![seq, limit])
    }

    fn events_after(&self, seq: u64, limit: usize) -> Read<Vec<EventRow>> {
        let statement = format!("SELECT {} FROM events WHERE seq > ? ORDER BY seq LIMIT ?", rows::EVENT);
        let columns = self.database.rows::<rows::EventColumns>(&statement, bound![seq, limit])?;
        Ok(columns.into_iter().map(EventRow::from).collect())
    }
}

impl Store for SqlStore {
    fn commit(&mut self, changes: &[Change]) -> Read<()> {
        commit::store(self, changes)
    }
}
