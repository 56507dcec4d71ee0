-- Findings about privileges, for audit.isolation_report(): what is granted and not intended, and what the owner has left.

CREATE OR REPLACE FUNCTION audit.findings_of_privileges()
RETURNS TABLE (rule text, finding text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Names and expressions are compared as they are printed: the same whatever the session or the database has set.
SET quote_all_identifiers = off
AS $$
BEGIN
    RETURN QUERY
    WITH relation AS (
        SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    )
    SELECT 'no privilege is granted beyond the intended', concat_ws(' ', g.grantee, 'has', g.privilege, 'on', g.object)
    FROM (SELECT * FROM audit.granted_privileges() EXCEPT SELECT * FROM audit.intended_privileges()) AS g
    UNION ALL
    SELECT 'no privilege is granted beyond the intended', format('%s has USAGE on schema pgmigrate', session_user)
    WHERE has_schema_privilege(session_user, 'pgmigrate', 'USAGE')

    UNION ALL
    -- Append-only is so for the owner too, as whom functions run: an attempt fails, instead of touching the no rows that
    -- the policies leave. A foreign key locks the row it refers to, and that takes UPDATE of a column of tenants.
    SELECT 'the owner changes no record, and empties no table', format('audit_owner has %s on %s', a.privilege_type, held_on.name)
    FROM (
        SELECT c.oid::regclass::text, c.relname, c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
        FROM relation AS c WHERE c.relkind IN ('r', 'p')
        UNION ALL
        SELECT concat(c.oid::regclass, '.', col.attname), c.relname, c.relowner, col.attacl
        FROM relation AS c JOIN pg_attribute AS col ON col.attrelid = c.oid
        WHERE NOT (c.relname = 'tenants' AND col.attname = 'created_at')
          -- How far a tree has grown. Its tenant and epoch stay.
          AND NOT (c.relname = 'trees' AND col.attname IN (
                'size', 'root', 'frontier', 'history_at', 'history_id', 'sealed_xid', 'sealed_id'))
    ) AS held_on (name, relname, owner, acl)
    CROSS JOIN LATERAL aclexplode(held_on.acl) AS a
    WHERE a.grantee = held_on.owner
      AND (a.privilege_type = 'TRUNCATE'
           OR a.privilege_type IN ('UPDATE', 'DELETE') AND held_on.relname IN (
                'audit_logs', 'admin_events', 'tenants', 'trees', 'seals', 'seal_nodes', 'checkpoints', 'pruned_ids'));
END
$$;

COMMENT ON FUNCTION audit.findings_of_privileges IS
    'Violations of the rules of audit.isolation_report() about privileges, those of audit_owner among them.';
REVOKE ALL ON FUNCTION audit.findings_of_privileges FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.findings_of_privileges TO audit_trusted, audit_keyed, audit_admin;
