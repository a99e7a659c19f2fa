-- What was stored under migration 6: tables as it left them, and rows. It is not changed: what comes later must read it.
CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT;
CREATE TABLE tenant (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        changed_at INTEGER NOT NULL,
        published_version INTEGER NOT NULL DEFAULT 0,
        tried_at INTEGER,
        publish_at INTEGER,
        publish_failures INTEGER NOT NULL DEFAULT 0
    ) STRICT;
CREATE TABLE flags (
        key TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        document TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('on', 'off', 'archived')),
        state_before TEXT CHECK (state_before IN ('on', 'off')),
        tags TEXT NOT NULL,
        search TEXT NOT NULL,
        prerequisites TEXT NOT NULL,
        segments TEXT NOT NULL,
        attributes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        archived_at INTEGER,
        deleted_at INTEGER
    ) STRICT, WITHOUT ROWID;
CREATE INDEX flags_archived ON flags (archived_at) WHERE archived_at IS NOT NULL;
CREATE INDEX flags_deleted ON flags (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE TABLE names (
        kind TEXT NOT NULL CHECK (kind IN ('tag', 'prerequisite', 'segment', 'attribute', 'segment_attribute')),
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        PRIMARY KEY (kind, name, owner)
    ) STRICT, WITHOUT ROWID;
CREATE INDEX names_by_owner ON names (owner, kind);
CREATE TABLE segments (
        key TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        document TEXT NOT NULL,
        cost INTEGER NOT NULL,
        search TEXT NOT NULL,
        attributes TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER
    ) STRICT, WITHOUT ROWID;
CREATE INDEX segments_deleted ON segments (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        entity TEXT NOT NULL,
        entity_key TEXT NOT NULL,
        document TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_entity ON audit (entity, entity_key);
CREATE INDEX audit_actor ON audit (actor);
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;
CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        type TEXT NOT NULL,
        at INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT;
CREATE TABLE overrides (
        flag TEXT NOT NULL,
        scope TEXT NOT NULL CHECK (scope IN ('user', 'tenant')),
        id TEXT NOT NULL,
        document TEXT NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (flag, scope, id)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE kill_switches (category TEXT PRIMARY KEY, engaged INTEGER NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE proposals (
        id TEXT PRIMARY KEY,
        place INTEGER NOT NULL,
        status TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
CREATE INDEX proposals_place ON proposals (place);
CREATE INDEX proposals_waiting ON proposals (created_at) WHERE status = 'waiting';
CREATE TABLE rollouts (flag TEXT PRIMARY KEY, status TEXT NOT NULL, next_at INTEGER, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX rollouts_due ON rollouts (next_at) WHERE next_at IS NOT NULL;
ALTER TABLE tenant ADD COLUMN rollouts_stopped INTEGER NOT NULL DEFAULT 0;
CREATE TABLE webhooks (id TEXT PRIMARY KEY, place INTEGER NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
        id TEXT PRIMARY KEY,
        webhook TEXT NOT NULL,
        place INTEGER NOT NULL,
        status TEXT NOT NULL,
        next_at INTEGER,
        created_at INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_of ON deliveries (webhook, place);
CREATE INDEX deliveries_open ON deliveries (next_at) WHERE status IN ('pending', 'waiting');
CREATE TABLE exposures (
        flag TEXT NOT NULL,
        variant TEXT NOT NULL,
        version INTEGER NOT NULL,
        count INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        PRIMARY KEY (flag, variant, version)
    ) STRICT, WITHOUT ROWID;
ALTER TABLE deliveries ADD COLUMN ended_at INTEGER;
CREATE INDEX deliveries_over ON deliveries (ended_at) WHERE status IN ('delivered', 'dead');
CREATE TABLE batches (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX batches_at ON batches (at);
ALTER TABLE tenant ADD COLUMN signed_with TEXT;
ALTER TABLE tenant ADD COLUMN unpublished_since INTEGER;
ALTER TABLE tenant ADD COLUMN reported_at INTEGER;
ALTER TABLE tenant ADD COLUMN report_at INTEGER;
ALTER TABLE tenant ADD COLUMN report_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN sink_seq INTEGER NOT NULL DEFAULT 0;
INSERT INTO schema_migrations VALUES (1, 1790000000000);
INSERT INTO schema_migrations VALUES (2, 1790000000000);
INSERT INTO schema_migrations VALUES (3, 1790000000000);
INSERT INTO schema_migrations VALUES (4, 1790000000000);
INSERT INTO schema_migrations VALUES (5, 1790000000000);
INSERT INTO schema_migrations VALUES (6, 1790000000000);
INSERT INTO tenant (only, name, version, changed_at, unpublished_since, report_at) VALUES (1, '{tenant}', 4, 1790000003000, 1790000003000, 1790000003000);
INSERT INTO flags (key, version, document, state, state_before, tags, search, prerequisites, segments, attributes, created_at, updated_at, archived_at, deleted_at) VALUES ('checkout', 3, '{"key":"checkout","type":"boolean","state":"on","version":3,"description":"The new checkout","owner":"payments","tags":["web"],"created_at":"2026-09-21T14:13:21.000Z","updated_at":"2026-09-21T14:13:23.000Z","variants":[{"key":"on","value":true},{"key":"off","value":false}],"off_variant":"off","default_variant":"off","rules":[{"id":"canada","when":{"segment":"ca"},"serve":{"variant":"on"}}]}', 'on', NULL, '["web"]', 'checkout
the new checkout', '[]', '["ca"]', '[]', 1790000001000, 1790000003000, NULL, NULL);
INSERT INTO names (kind, name, owner) VALUES ('segment_attribute', 'country', 'ca');
INSERT INTO names (kind, name, owner) VALUES ('segment', 'ca', 'checkout');
INSERT INTO names (kind, name, owner) VALUES ('tag', 'web', 'checkout');
INSERT INTO segments (key, version, document, cost, search, attributes, created_at, updated_at, deleted_at) VALUES ('ca', 1, '{"key":"ca","name":"Canada","conditions":{"attr":"country","op":"equals","value":"CA"},"version":1,"created_at":"2026-09-21T14:13:20.000Z","updated_at":"2026-09-21T14:13:20.000Z"}', 1, 'ca
canada', '["country"]', 1790000000000, 1790000000000, NULL);
INSERT INTO audit (seq, at, actor, action, entity, entity_key, document, hash) VALUES (1, 1790000000000, 'tester', 'created', 'segment', 'ca', '{"seq":1,"at":"2026-09-21T14:13:20.000Z","actor":"tester","action":"created","entity":"segment","entity_key":"ca","version":1,"request_id":"c3cf5228-085e-4b2d-a0fa-c477c69d0cd7","before":null,"after":{"key":"ca","name":"Canada","conditions":{"attr":"country","op":"equals","value":"CA"},"version":1,"created_at":"2026-09-21T14:13:20.000Z","updated_at":"2026-09-21T14:13:20.000Z"},"diff":null,"prev_hash":"0000000000000000000000000000000000000000000000000000000000000000"}', '785ecf33ff28efa494760f2cbc283c172ad8db0e2a7d7fb5f9fa345a355ee3f3');
INSERT INTO audit (seq, at, actor, action, entity, entity_key, document, hash) VALUES (2, 1790000001000, 'tester', 'created', 'flag', 'checkout', '{"seq":2,"at":"2026-09-21T14:13:21.000Z","actor":"tester","action":"created","entity":"flag","entity_key":"checkout","version":1,"request_id":"f486013d-0cfb-47d7-b910-b239206337a9","before":null,"after":{"key":"checkout","type":"boolean","state":"on","version":1,"tags":["web"],"created_at":"2026-09-21T14:13:21.000Z","updated_at":"2026-09-21T14:13:21.000Z","variants":[{"key":"on","value":true},{"key":"off","value":false}],"off_variant":"off","default_variant":"off","rules":[{"id":"canada","when":{"segment":"ca"},"serve":{"variant":"on"}}]},"diff":null,"prev_hash":"785ecf33ff28efa494760f2cbc283c172ad8db0e2a7d7fb5f9fa345a355ee3f3"}', 'ee5e090eb9ef07c423bd323808936f447f58685698145fd9806de2d180a9a449');
INSERT INTO audit (seq, at, actor, action, entity, entity_key, document, hash) VALUES (3, 1790000002000, 'tester', 'updated', 'flag', 'checkout', '{"seq":3,"at":"2026-09-21T14:13:22.000Z","actor":"tester","action":"updated","entity":"flag","entity_key":"checkout","version":2,"request_id":"47c08f38-1ff2-48e0-8ce4-acc7fbccb9b7","before":{"key":"checkout","type":"boolean","state":"on","version":1,"tags":["web"],"created_at":"2026-09-21T14:13:21.000Z","updated_at":"2026-09-21T14:13:21.000Z","variants":[{"key":"on","value":true},{"key":"off","value":false}],"off_variant":"off","default_variant":"off","rules":[{"id":"canada","when":{"segment":"ca"},"serve":{"variant":"on"}}]},"after":{"key":"checkout","type":"boolean","state":"on","version":2,"description":"The new checkout","tags":["web"],"created_at":"2026-09-21T14:13:21.000Z","updated_at":"2026-09-21T14:13:22.000Z","variants":[{"key":"on","value":true},{"key":"off","value":false}],"off_variant":"off","default_variant":"off","rules":[{"id":"canada","when":{"segment":"ca"},"serve":{"variant":"on"}}]},"diff":[{"op":"replace","path":"/version","value":2},{"op":"add","path":"/description","value":"The new checkout"},{"op":"replace","path":"/updated_at","value":"2026-09-21T14:13:22.000Z"}],"prev_hash":"ee5e090eb9ef07c423bd323808936f447f58685698145fd9806de2d180a9a449"}', '3660cc40c5d1ea7cd2a89e1c3181b5c52ea95537c67085c5db37290589f191c6');
INSERT INTO audit (seq, at, actor, action, entity, entity_key, document, hash) VALUES (4, 1790000003000, 'tester', 'updated', 'flag', 'checkout', '{"seq":4,"at":"2026-09-21T14:13:23.000Z","actor":"tester","action":"updated","entity":"flag","entity_key":"checkout","version":3,"request_id":"94c1f09e-673c-4789-9e62-6df81311be18","before":{"key":"checkout","type":"boolean","state":"on","version":2,"description":"The new checkout","tags":["web"],"created_at":"2026-09-21T14:13:21.000Z","updated_at":"2026-09-21T14:13:22.000Z","variants":[{"key":"on","value":true},{"key":"off","value":false}],"off_variant":"off","default_variant":"off","rules":[{"id":"canada","when":{"segment":"ca"},"serve":{"variant":"on"}}]},"after":{"key":"checkout","type":"boolean","state":"on","version":3,"description":"The new checkout","owner":"payments","tags":["web"],"created_at":"2026-09-21T14:13:21.000Z","updated_at":"2026-09-21T14:13:23.000Z","variants":[{"key":"on","value":true},{"key":"off","value":false}],"off_variant":"off","default_variant":"off","rules":[{"id":"canada","when":{"segment":"ca"},"serve":{"variant":"on"}}]},"diff":[{"op":"replace","path":"/version","value":3},{"op":"add","path":"/owner","value":"payments"},{"op":"replace","path":"/updated_at","value":"2026-09-21T14:13:23.000Z"}],"prev_hash":"3660cc40c5d1ea7cd2a89e1c3181b5c52ea95537c67085c5db37290589f191c6"}', '8b88aaef1b893871fdb2ad45c541bd7df9b699032a777db4918bd22f2117f6f2');
INSERT INTO events (seq, type, at, document) VALUES (1, 'segment.created', 1790000000000, '{"specversion":"1.0","id":"old/1","source":"/v1/tenants/old","type":"segment.created","subject":"segments/ca","time":"2026-09-21T14:13:20.000Z","datacontenttype":"application/json","data":{"actor":"tester","request_id":"c3cf5228-085e-4b2d-a0fa-c477c69d0cd7","snapshot_version":1,"version":1}}');
INSERT INTO events (seq, type, at, document) VALUES (2, 'flag.created', 1790000001000, '{"specversion":"1.0","id":"old/2","source":"/v1/tenants/old","type":"flag.created","subject":"flags/checkout","time":"2026-09-21T14:13:21.000Z","datacontenttype":"application/json","data":{"actor":"tester","request_id":"f486013d-0cfb-47d7-b910-b239206337a9","snapshot_version":2,"version":1}}');
INSERT INTO events (seq, type, at, document) VALUES (3, 'flag.updated', 1790000002000, '{"specversion":"1.0","id":"old/3","source":"/v1/tenants/old","type":"flag.updated","subject":"flags/checkout","time":"2026-09-21T14:13:22.000Z","datacontenttype":"application/json","data":{"actor":"tester","request_id":"47c08f38-1ff2-48e0-8ce4-acc7fbccb9b7","snapshot_version":3,"changed":["/description"],"version":2}}');
INSERT INTO events (seq, type, at, document) VALUES (4, 'flag.updated', 1790000003000, '{"specversion":"1.0","id":"old/4","source":"/v1/tenants/old","type":"flag.updated","subject":"flags/checkout","time":"2026-09-21T14:13:23.000Z","datacontenttype":"application/json","data":{"actor":"tester","request_id":"94c1f09e-673c-4789-9e62-6df81311be18","snapshot_version":4,"changed":["/owner"],"version":3}}');
INSERT INTO overrides (flag, scope, id, document, expires_at) VALUES ('checkout', 'user', 'U-2', '{"scope":"user","id":"U-2","flag":"checkout","variant":"off","reason":"a test","created_by":"tester","created_at":"2026-09-21T14:13:24.000Z"}', NULL);
INSERT INTO kill_switches (category, engaged, document) VALUES ('payments', 0, '{"category":"payments","engaged":false,"actor":"tester","at":1790000006000}');
INSERT INTO rollouts (flag, status, next_at, document) VALUES ('checkout', 'running', 4070908800000, '{"flag":"checkout","status":"running","steps":[{"percentage":50.0,"at":4070908800000,"after_ms":null,"gate":null,"gate_open":false,"status":"waiting","taken_at":null}],"target":{"rule":{"id":"rollout","own":true,"variant":"on"}},"before":"no_rule","percentage":null,"started_by":"tester","approved_by":null,"started_at":1790000007000,"paused_at":null,"paused_ms":0,"ended_at":null,"ended_because":null,"next_at":4070908800000}');
INSERT INTO webhooks (id, place, document) VALUES ('wh-9', 9, '{"id":"wh-9","url":"http://localhost:1/hook","types":["flag.*"],"description":null,"enabled":true,"secret":"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","old_secret":null,"created_by":"tester","created_at":1790000008000,"updated_at":1790000008000}');
INSERT INTO deliveries (id, webhook, place, status, next_at, created_at, ended_at, document) VALUES ('msg_9_wh-9', 'wh-9', 9, 'delivered', NULL, 1790000009000, 1790000010000, '{"id":"msg_9_wh-9","webhook":"wh-9","event_type":"flag.updated","body":"{\"specversion\":\"1.0\",\"id\":\"old/9\",\"source\":\"/v1/tenants/old\",\"type\":\"flag.updated\",\"subject\":\"flags/checkout\",\"time\":\"2026-09-21T14:13:29.000Z\",\"datacontenttype\":\"application/json\",\"data\":{\"actor\":\"tester\",\"request_id\":\"644450b5-57e4-40bf-90b0-303f25be0471\",\"snapshot_version\":8,\"changed\":[\"/owner\"],\"version\":4}}","status":"delivered","attempts":1,"next_at":null,"in_queue":false,"created_at":1790000009000,"tried_at":1790000010000,"ended_at":1790000010000,"last_status":200,"last_error":null}');
