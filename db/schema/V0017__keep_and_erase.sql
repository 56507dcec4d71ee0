-- How long each tenant's records are kept, which of them are held, and what is left of those that have gone: the leaf's hash in
-- audit.seals, and the id, which cannot be taken again.

GRANT USAGE ON SCHEMA audit TO audit_keeper, audit_retention;
-- To make its functions. Nobody logs in as it.
GRANT CREATE ON SCHEMA audit TO audit_keeper;

CREATE TABLE audit.retention_rules (
    is_only         boolean NOT NULL DEFAULT true,
    live_floor_days int     NOT NULL,
    release_by_two  boolean NOT NULL,
    CONSTRAINT retention_rules_pkey PRIMARY KEY (is_only),
    CONSTRAINT retention_rules_is_only CHECK (is_only),
    CONSTRAINT retention_rules_live_floor_days_range CHECK (live_floor_days BETWEEN 1 AND 36500)
);
-- 183 days: the six months of Article 19 of the EU AI Act.
INSERT INTO audit.retention_rules (live_floor_days, release_by_two) VALUES (183, false);
COMMENT ON TABLE audit.retention_rules IS
    'One row: what no administrator may go below. Changed by audit.set_retention_rules() alone, which only audit_owner may call.';
COMMENT ON COLUMN audit.retention_rules.is_only IS 'Always true: there is one row.';
COMMENT ON COLUMN audit.retention_rules.live_floor_days IS 'A LIVE record, or one without a mode, is kept at least so many days, whatever a tenant''s term is.';
COMMENT ON COLUMN audit.retention_rules.release_by_two IS 'Whether a legal hold is released by two logins: one asks, another confirms.';
COMMENT ON CONSTRAINT retention_rules_pkey ON audit.retention_rules IS 'One row.';
COMMENT ON CONSTRAINT retention_rules_is_only ON audit.retention_rules IS 'One row.';
COMMENT ON CONSTRAINT retention_rules_live_floor_days_range ON audit.retention_rules IS 'A floor is 1 to 36,500 days.';

CREATE TABLE audit.retention (
    tenant_id    text        NOT NULL CONSTRAINT retention_tenant_id_fkey REFERENCES audit.tenants (id),
    live_days    int,
    dry_run_days int,
    set_at       timestamptz NOT NULL,
    pruned_at    timestamptz,
    pass_mode    text,
    pass_time    timestamptz,
    pass_id      uuid,
    CONSTRAINT retention_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT retention_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT retention_live_days_range CHECK (live_days BETWEEN 1 AND 36500),
    CONSTRAINT retention_dry_run_days_range CHECK (dry_run_days BETWEEN 1 AND 36500),
    CONSTRAINT retention_pass_mode_known CHECK (pass_mode IN ('DRY_RUN', 'LIVE', '')),
    CONSTRAINT retention_pass_position CHECK (num_nonnulls(pass_mode, pass_time, pass_id) IN (0, 3))
);
COMMENT ON TABLE audit.retention IS
    'How long the records of a tenant are kept. A tenant without a row keeps them for ever. Row-level security: only functions have access.';
COMMENT ON COLUMN audit.retention.tenant_id IS 'Whose records.';
COMMENT ON COLUMN audit.retention.live_days IS
    'Days of 24 hours from created_at after which a LIVE record, or one without a mode, may be pruned. NULL: kept for ever.';
COMMENT ON COLUMN audit.retention.dry_run_days IS 'The same for a DRY_RUN record.';
COMMENT ON COLUMN audit.retention.set_at IS 'The database''s clock when the terms were last set.';
COMMENT ON COLUMN audit.retention.pruned_at IS 'When audit.prune_records() last looked at the tenant, so that each has its turn. NULL: never.';
COMMENT ON COLUMN audit.retention.pass_mode IS
    'Where the pass over the due records that is under way stands: the mode, empty for records without one. NULL: the next begins anew.';
COMMENT ON COLUMN audit.retention.pass_time IS 'created_at of the last record that the pass has seen.';
COMMENT ON COLUMN audit.retention.pass_id IS 'Its id.';
COMMENT ON CONSTRAINT retention_pkey ON audit.retention IS 'One row a tenant.';
COMMENT ON CONSTRAINT retention_tenant_id_fkey ON audit.retention IS 'Terms are set for a tenant that is registered.';
COMMENT ON CONSTRAINT retention_tenant_id_form ON audit.retention IS 'The form of audit.tenants.id; so never the empty string.';
COMMENT ON CONSTRAINT retention_live_days_range ON audit.retention IS 'A term is 1 to 36,500 days.';
COMMENT ON CONSTRAINT retention_dry_run_days_range ON audit.retention IS 'A term is 1 to 36,500 days.';
COMMENT ON CONSTRAINT retention_pass_mode_known ON audit.retention IS 'A mode of records.';
COMMENT ON CONSTRAINT retention_pass_position ON audit.retention IS 'A position has all its parts.';

CREATE TABLE audit.legal_holds (
    id               uuid        NOT NULL,
    tenant_id        text        NOT NULL CONSTRAINT legal_holds_tenant_id_fkey REFERENCES audit.tenants (id),
    user_id          text,
    agent_id         text,
    trace_id         text,
    start_time       timestamptz,
    end_time         timestamptz,
    reason           text        NOT NULL,
    reference        text        NOT NULL,
    placed_by        text        NOT NULL,
    placed_at        timestamptz NOT NULL,
    release_asked_by text,
    release_asked_at timestamptz,
    released_by      text,
    released_at      timestamptz,
    release_reason   text,
    CONSTRAINT legal_holds_pkey PRIMARY KEY (id),
    CONSTRAINT legal_holds_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT legal_holds_window CHECK (start_time < end_time),
    CONSTRAINT legal_holds_texts_size CHECK (
        length(user_id) BETWEEN 1 AND 1024 AND length(agent_id) BETWEEN 1 AND 1024 AND length(trace_id) BETWEEN 1 AND 1024),
    CONSTRAINT legal_holds_reason_size CHECK (length(reason) BETWEEN 1 AND 500 AND length(release_reason) BETWEEN 1 AND 500),
    CONSTRAINT legal_holds_reference_size CHECK (length(reference) BETWEEN 1 AND 200),
    CONSTRAINT legal_holds_release_asked CHECK ((release_asked_by IS NULL) = (release_asked_at IS NULL)),
    CONSTRAINT legal_holds_released CHECK (num_nonnulls(released_by, released_at) IN (0, 2))
);
CREATE INDEX legal_holds_tenant_id_idx ON audit.legal_holds (tenant_id) WHERE released_at IS NULL;
COMMENT ON TABLE audit.legal_holds IS
    'Which records must stay, whatever their term and whoever asks: those that match every condition that is given. Row-level '
    'security: only functions have access.';
COMMENT ON COLUMN audit.legal_holds.id IS 'UUID version 7.';
COMMENT ON COLUMN audit.legal_holds.tenant_id IS 'Whose records.';
COMMENT ON COLUMN audit.legal_holds.user_id IS 'Of this user alone. NULL: of all, or the person was erased after the release.';
COMMENT ON COLUMN audit.legal_holds.agent_id IS 'Of this agent alone. NULL: of all.';
COMMENT ON COLUMN audit.legal_holds.trace_id IS 'Of this trace alone. NULL: of all.';
COMMENT ON COLUMN audit.legal_holds.start_time IS 'Records with created_at from this time on. NULL: from the first.';
COMMENT ON COLUMN audit.legal_holds.end_time IS 'Records with created_at before this time. NULL: also those to come.';
COMMENT ON COLUMN audit.legal_holds.reason IS 'Why, in the words of the administrator.';
COMMENT ON COLUMN audit.legal_holds.reference IS 'The case, by which others find it. Name no person in it: it stays when the person is erased.';
COMMENT ON COLUMN audit.legal_holds.placed_by IS 'The login that placed it.';
COMMENT ON COLUMN audit.legal_holds.placed_at IS 'The database''s clock when it was placed.';
COMMENT ON COLUMN audit.legal_holds.release_asked_by IS 'Where two release: the login that asked.';
COMMENT ON COLUMN audit.legal_holds.release_asked_at IS 'When it asked.';
COMMENT ON COLUMN audit.legal_holds.released_by IS 'The login that released it, or confirmed the release. NULL: it holds.';
COMMENT ON COLUMN audit.legal_holds.released_at IS 'When it was released.';
COMMENT ON COLUMN audit.legal_holds.release_reason IS 'Why it was released.';
COMMENT ON CONSTRAINT legal_holds_pkey ON audit.legal_holds IS 'One row a hold.';
COMMENT ON CONSTRAINT legal_holds_tenant_id_fkey ON audit.legal_holds IS 'A hold is placed for a tenant that is registered.';
COMMENT ON CONSTRAINT legal_holds_tenant_id_form ON audit.legal_holds IS 'The form of audit.tenants.id; so never the empty string.';
COMMENT ON CONSTRAINT legal_holds_window ON audit.legal_holds IS 'A hold''s start_time lies before its end_time.';
COMMENT ON CONSTRAINT legal_holds_texts_size ON audit.legal_holds IS 'A hold''s user, agent and trace have 1 to 1,024 characters.';
COMMENT ON CONSTRAINT legal_holds_reason_size ON audit.legal_holds IS 'A hold and its release have a reason of 1 to 500 characters.';
COMMENT ON CONSTRAINT legal_holds_reference_size ON audit.legal_holds IS 'A hold''s reference has 1 to 200 characters.';
COMMENT ON CONSTRAINT legal_holds_release_asked ON audit.legal_holds IS 'Who asked for the release, and when.';
COMMENT ON CONSTRAINT legal_holds_released ON audit.legal_holds IS 'Who released it, and when.';
COMMENT ON INDEX audit.legal_holds_tenant_id_idx IS 'Serves the question which records of a tenant are held.';

CREATE TABLE audit.pruned_ids (
    id uuid NOT NULL,
    CONSTRAINT pruned_ids_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE audit.pruned_ids IS
    'Ids of records that were pruned, append-only: no other record may take one, so a copy of the old record proves itself for ever. Like '
    'the primary key of audit.audit_logs it knows no tenants. Row-level security: only functions have access.';
COMMENT ON COLUMN audit.pruned_ids.id IS 'The id that the record had.';
COMMENT ON CONSTRAINT pruned_ids_pkey ON audit.pruned_ids IS 'An id goes once.';

ALTER TABLE audit.seals ADD COLUMN private_sha256 bytea;
COMMENT ON COLUMN audit.seals.private_sha256 IS
    'SHA-256 of the private line, which is in the record''s line: kept when the salt goes, so that the leaf can still be made. NULL '
    'otherwise.';
COMMENT ON COLUMN audit.seals.record_id IS
    'The record that is sealed; audit.record_leaf_line() makes its line. NULL: a statement, or the record was pruned.';
COMMENT ON COLUMN audit.seals.salt IS
    '32 random bytes in the private line of the record, so that nobody can guess from the digest what was erased. NULL: a '
    'statement, or the private part is erased, or the record pruned.';
COMMENT ON COLUMN audit.seals.line IS 'The line of a statement. NULL: a record.';
COMMENT ON TABLE audit.seals IS
    'The leaves of the trees: one row for each sealed record, and for each statement about a tree. A leaf''s hash never changes; where all '
    'of 256 leaves are pruned, their common hash in audit.seal_nodes stands for them. Row-level security: a transaction sees the leaves '
    'of the tenant it is set to.';
-- The rules only widen to what prune and erase leave behind, so no row can break them.
-- squawk-ignore ban-drop-constraint
ALTER TABLE audit.seals DROP CONSTRAINT seals_record_or_statement;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.seals ADD CONSTRAINT seals_record_or_statement CHECK (
    CASE WHEN record_id IS NULL THEN num_nonnulls(salt, private_sha256) = 0
         ELSE line IS NULL AND num_nonnulls(salt, private_sha256) = 1 END);
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.seals ADD CONSTRAINT seals_private_sha256_size CHECK (octet_length(private_sha256) = 32);
COMMENT ON CONSTRAINT seals_record_or_statement ON audit.seals IS
    'A leaf is a record''s, with a salt or the digest that is left of it; or has a line of its own; or nothing but its hash.';
COMMENT ON CONSTRAINT seals_private_sha256_size ON audit.seals IS 'A SHA-256.';

-- Statements are few among leaves. A migration is one transaction, so records wait while it is built: about a second for ten million leaves.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX seals_tenant_id_epoch_leaf_index_idx ON audit.seals (tenant_id, epoch, leaf_index) WHERE line IS NOT NULL;
COMMENT ON INDEX audit.seals_tenant_id_epoch_leaf_index_idx IS 'Serves the question which statement of a tree is the next.';

COMMENT ON TABLE audit.audit_logs IS
    'Executions of AI agents, append-only: no role may TRUNCATE, and none but audit_keeper, as whom nobody connects, may DELETE, or UPDATE what is '
    'personal to NULL. Row-level security: a transaction sees and writes the records of the tenant it is set to.';
COMMENT ON COLUMN audit.audit_logs.user_id IS
    'The user on whose behalf, as the caller names it. Personal data. NULL: none was given, or it is erased with error and context.';

-- Dead rows of a prune are cleared while there are few: a table of a thousand million rows would wait for two hundred million.
ALTER TABLE audit.audit_logs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE audit.seals SET (autovacuum_vacuum_scale_factor = 0.02);

-- Closed until their pages in db/policies open them: no moment exists in which a table is unprotected.
ALTER TABLE audit.retention_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.retention_rules FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.retention FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.legal_holds FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.pruned_ids ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.pruned_ids FORCE ROW LEVEL SECURITY;

-- The rule only grows, so no row can break it.
-- squawk-ignore ban-drop-constraint
ALTER TABLE audit.admin_events DROP CONSTRAINT admin_events_act_known;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.admin_events ADD CONSTRAINT admin_events_act_known CHECK (act IN (
    'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported',
    'records replayed', 'records imported', 'records read', 'epoch begun', 'retention set', 'retention rules set', 'hold placed',
    'hold release asked', 'hold released', 'records pruned', 'person erased', 'record erased'));
COMMENT ON CONSTRAINT admin_events_act_known ON audit.admin_events IS 'One of the acts that have a function.';

-- It has one parameter more now. A new one beside the old one would make calls by name ambiguous.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.record_export(text);
