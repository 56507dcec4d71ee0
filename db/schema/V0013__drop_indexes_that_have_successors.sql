-- The indexes of lists have successors that end in created_at and id, so that a page costs a page, also among records that share their
-- time: db/indexes, which `make migrate` builds before this file, since a migration is one transaction and CREATE INDEX CONCURRENTLY
-- cannot be part of one. docs/decisions/0012-third-index-column.md and 0014-an-index-for-each-filter.md have the reasons.

-- A table with records keeps its old indexes until the new ones are there: lists would read it whole.
DO $$
BEGIN
    IF pg_relation_size('audit.audit_logs') > 0 AND EXISTS (
        SELECT FROM unnest(ARRAY[
            'tenant_id_created_at_id', 'tenant_id_agent_id_created_at_id', 'trace_id_tenant_id_created_at_id',
            'tenant_id_user_id_created_at_id', 'tenant_id_status_created_at_id', 'tenant_id_http_status_created_at_id',
            'tenant_id_mode_created_at_id']) AS successor (columns)
        LEFT JOIN pg_index AS i ON i.indexrelid = to_regclass(format('audit.audit_logs_%s_idx', successor.columns))
        WHERE i.indisvalid IS NOT TRUE)
    THEN
        RAISE EXCEPTION 'the indexes of db/indexes come first' USING HINT = 'Run make migrate, which builds them without blocking writers.';
    END IF;
END
$$;

-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS audit.audit_logs_tenant_id_created_at_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS audit.audit_logs_trace_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS audit.audit_logs_tenant_id_user_id_created_at_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS audit.audit_logs_failures_idx;

COMMENT ON INDEX audit.audit_logs_agent_id_created_at_idx IS
    'Finds the records of an agent in all tenants, for a DBA. Lists of one tenant have an index that begins with the tenant.';

-- Its work is audit.filtered_page()'s.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.filtered_audit_logs(
    text, text, text, text, text, text, int, timestamptz, timestamptz, timestamptz, uuid, int, text);

-- Administrative events likewise, and here: the table is small, one row an act and one for each key and hour of reading. Each kind of list
-- has an order that one index alone has: audit.admin_events_keyset_page() says why.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX audit.admin_events_tenant_id_created_at_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX audit.admin_events_tenant_id_act_created_at_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX audit.admin_events_api_key_id_created_at_id_idx;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX audit.admin_events_act_created_at_id_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_tenant_id_created_at_id_idx ON audit.admin_events (tenant_id, created_at DESC NULLS LAST, id DESC);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_tenant_id_act_created_at_id_idx ON audit.admin_events (
    tenant_id, act, created_at DESC NULLS LAST, id DESC NULLS LAST);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_tenant_id_api_key_id_created_at_id_idx ON audit.admin_events (
    tenant_id, api_key_id, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE api_key_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_api_key_id_created_at_id_idx ON audit.admin_events (
    api_key_id, created_at DESC NULLS LAST, id DESC) WHERE api_key_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_act_created_at_id_idx ON audit.admin_events (act, created_at DESC NULLS LAST, id DESC);
COMMENT ON INDEX audit.admin_events_tenant_id_created_at_id_idx IS 'Serves a tenant''s list of acts.';
COMMENT ON INDEX audit.admin_events_tenant_id_act_created_at_id_idx IS
    'Serves a tenant''s list of one act: many exports hide no issue of a key.';
COMMENT ON INDEX audit.admin_events_tenant_id_api_key_id_created_at_id_idx IS
    'Serves a tenant''s list of what was done to a key of its own, and with it.';
COMMENT ON INDEX audit.admin_events_api_key_id_created_at_id_idx IS
    'Serves an administrator''s list of what was done to a key, and with it.';
COMMENT ON INDEX audit.admin_events_act_created_at_id_idx IS
    'Serves an administrator''s list of one act in all tenants, and of the acts on none.';
