-- Who may do what with audit.admin_events. Append-only: no role has UPDATE, DELETE or TRUNCATE, and no policy allows them.
-- Rows come from the functions that act, in the transaction of the act itself: those of audit_admin, audit.record_export(),
-- audit.import_audit_log_batch(), audit.replay_audit_logs() and audit.record_api_key_use().

ALTER TABLE audit.admin_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.admin_events FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.admin_events FROM PUBLIC, audit_trusted, audit_keyed, audit_admin;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.admin_events FROM audit_owner;   -- an attempt fails, instead of touching no rows
GRANT SELECT ON audit.admin_events TO audit_trusted;

DROP POLICY IF EXISTS owner_records_admin_events ON audit.admin_events;
CREATE POLICY owner_records_admin_events ON audit.admin_events
    FOR INSERT TO audit_owner
    WITH CHECK (true);
COMMENT ON POLICY owner_records_admin_events ON audit.admin_events IS
    'For audit.record_admin_event(), which the functions that act call as audit_owner. It adds rows.';

DROP POLICY IF EXISTS trusted_reads_own_tenant ON audit.admin_events;
CREATE POLICY trusted_reads_own_tenant ON audit.admin_events
    FOR SELECT TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_reads_own_tenant ON audit.admin_events IS
    'A transaction reads what was done to the tenant it is set to. No tenant set: no rows.';

DROP POLICY IF EXISTS trusted_stays_in_own_tenant ON audit.admin_events;
CREATE POLICY trusted_stays_in_own_tenant ON audit.admin_events
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_stays_in_own_tenant ON audit.admin_events IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keyed_reads_proven_tenant ON audit.admin_events;
CREATE POLICY keyed_reads_proven_tenant ON audit.admin_events
    FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_proven_tenant ON audit.admin_events IS
    'A transaction reads what was done to the tenant that a key with the scope read has proven.';

DROP POLICY IF EXISTS keyed_reads_only_proven_tenant ON audit.admin_events;
CREATE POLICY keyed_reads_only_proven_tenant ON audit.admin_events
    AS RESTRICTIVE FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_only_proven_tenant ON audit.admin_events IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS owner_reads_proven_tenant ON audit.admin_events;
CREATE POLICY owner_reads_proven_tenant ON audit.admin_events
    FOR SELECT TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true)
           AND tenant_id = (SELECT audit.proven_tenant(current_setting('app.scope', true))));
COMMENT ON POLICY owner_reads_proven_tenant ON audit.admin_events IS
    'For audit.list_proven_admin_events(), scope read, which runs as audit_owner. Without its caller''s proof the owner sees '
    'nothing.';

DROP POLICY IF EXISTS owner_reads_for_administrators ON audit.admin_events;
CREATE POLICY owner_reads_for_administrators ON audit.admin_events
    FOR SELECT TO audit_owner
    USING (current_setting('app.scope', true) = 'administer' AND pg_has_role(session_user, 'audit_admin', 'MEMBER'));
COMMENT ON POLICY owner_reads_for_administrators ON audit.admin_events IS
    'For audit.list_all_admin_events(), which runs as audit_owner for a login that is a member of audit_admin, and sets the scope '
    'administer for itself. No login of a service is a member, whatever it sets.';

-- Append-only, whatever is granted one day.
DROP POLICY IF EXISTS nobody_changes_an_event ON audit.admin_events;
CREATE POLICY nobody_changes_an_event ON audit.admin_events
    AS RESTRICTIVE FOR UPDATE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_changes_an_event ON audit.admin_events IS
    'No permissive policy allows it either; this one holds beside any that is added.';

DROP POLICY IF EXISTS nobody_deletes_an_event ON audit.admin_events;
CREATE POLICY nobody_deletes_an_event ON audit.admin_events
    AS RESTRICTIVE FOR DELETE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_deletes_an_event ON audit.admin_events IS
    'No permissive policy allows it either; this one holds beside any that is added.';
