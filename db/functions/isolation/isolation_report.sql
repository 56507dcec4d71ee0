-- Is isolation intact on this database, for the role that asks? One row a rule; the service refuses to serve unless
-- every row says so, and a DBA can ask at any time: SELECT * FROM audit.isolation_report();

CREATE OR REPLACE FUNCTION audit.isolation_report()
RETURNS TABLE (rule text, intact boolean, findings text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT known.rule, count(found.finding) = 0, string_agg(DISTINCT found.finding, '; ' ORDER BY found.finding)
    FROM (VALUES
        (1, 'the role has no power over row-level security'),
        (2, 'the role is a member of one group, and of nothing else'),
        (3, 'the role owns nothing here'),
        (4, 'no role of ours has power over row-level security'),
        (5, 'everything belongs to audit_owner'),
        (6, 'every table has forced row-level security'),
        (7, 'every policy compares the tenant, and names its roles'),
        (8, 'every group that sees a table is held by a restrictive policy too'),
        (9, 'every table that holds tenants checks their form'),
        (10, 'no table or view elsewhere shows a record'),
        (11, 'no privilege is granted beyond the intended'),
        (12, 'the owner changes no record, and empties no table'),
        (13, 'what our roles make is open to nobody'),
        (14, 'neither the role nor PUBLIC can create anything in this database'),
        (15, 'every function is pinned to its schema and runs as its caller, but for the known ones'),
        (16, 'no plan is printed where keys and secrets are'),
        (17, 'no function runs in a parallel worker'),
        (18, 'no trigger or rule acts on a record'),
        (19, 'no setting is stored but the intended ones'),
        (20, 'what deletes and erases belongs to audit_keeper')) AS known (number, rule)
    LEFT JOIN (
        SELECT f.rule, f.finding FROM audit.findings_of_roles() AS f
        UNION ALL
        SELECT f.rule, f.finding FROM audit.findings_of_objects() AS f
        UNION ALL
        SELECT f.rule, f.finding FROM audit.findings_of_policies() AS f
        UNION ALL
        SELECT f.rule, f.finding FROM audit.findings_of_privileges() AS f
        UNION ALL
        SELECT 'no setting is stored but the intended ones', setting FROM audit.unintended_settings() AS setting
        UNION ALL
        -- From the connection string or the server's configuration, which no catalogue shows. Ask outside a transaction
        -- that has set its tenant.
        SELECT 'no setting is stored but the intended ones', 'app.tenant_id is set already, before audit.set_tenant()'
        WHERE coalesce(current_setting('app.tenant_id', true), '') <> ''
    ) AS found USING (rule)
    GROUP BY known.number, known.rule
    ORDER BY known.number;
END
$$;

COMMENT ON FUNCTION audit.isolation_report IS
    'Whether isolation is intact on this database for the role that asks: one row a rule, with what was found against it. '
    'All rows intact: this role sees and writes the records of one tenant a transaction, and nobody can quietly widen that. '
    'Settings that are stored with a role or for the whole database are findings but for those that audit.unintended_settings() lists.';
REVOKE ALL ON FUNCTION audit.isolation_report FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.isolation_report TO audit_trusted, audit_keyed, audit_admin;
