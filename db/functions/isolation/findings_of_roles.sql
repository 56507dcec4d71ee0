-- Findings about roles, for audit.isolation_report(): powers, memberships, ownership, and what roles may create.

CREATE OR REPLACE FUNCTION audit.findings_of_roles()
RETURNS TABLE (rule text, finding text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Names and expressions are compared as they are printed: the same whatever the session or the database has set.
SET quote_all_identifiers = off
AS $$
DECLARE
    -- The one list of what runs with the right to delete and erase.
    v_keepers_own CONSTANT text[] := ARRAY(
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        WHERE p.pronamespace = 'audit'::regnamespace AND p.proname IN (
            'held_records', 'due_batch', 'fold_tiles', 'prune_batch', 'prune_tenant', 'prune_records', 'has_due_records', 'count_due_records',
            'erase_records', 'erase_record', 'erase_user', 'records_of_user', 'rest_after'));
BEGIN
    RETURN QUERY
    WITH RECURSIVE held (oid) AS (
        -- The role that asks and every role it could become, whether it inherits from it or not.
        SELECT r.oid FROM pg_roles AS r WHERE r.rolname IN (session_user, current_user)
        UNION
        SELECT m.roleid FROM pg_auth_members AS m JOIN held AS h ON h.oid = m.member
    ),
    ours AS (
        SELECT r.* FROM pg_roles AS r
        WHERE r.rolname IN ('audit_owner', 'audit_migrator', 'audit_trusted', 'audit_keyed', 'audit_admin',
                            'audit_sealer', 'audit_signer', 'audit_keeper', 'audit_retention', 'audit_eraser', 'audit_app')
    ),
    power (oid, finding) AS (
        SELECT r.oid, r.rolname || ' ' || power.name
        FROM pg_roles AS r
        CROSS JOIN LATERAL (VALUES
            (r.rolsuper, 'is SUPERUSER'), (r.rolbypassrls, 'has BYPASSRLS'), (r.rolcreaterole, 'has CREATEROLE'),
            (r.rolcreatedb, 'has CREATEDB'), (r.rolreplication, 'has REPLICATION')) AS power (has, name)
        WHERE power.has
    ),
    owned (owner, object) AS (
        SELECT d.datdba, 'the database' FROM pg_database AS d WHERE d.datname = current_database()
        UNION ALL
        SELECT n.nspowner, 'schema ' || n.nspname FROM pg_namespace AS n WHERE n.nspname IN ('audit', 'pgmigrate')
        UNION ALL
        SELECT c.relowner, c.oid::regclass::text FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        UNION ALL
        SELECT p.proowner, p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
    )
    SELECT 'the role has no power over row-level security', p.finding FROM power AS p JOIN held AS h ON h.oid = p.oid
    UNION ALL
    -- Whatever else asks: these must never be more than roles.sql makes them.
    SELECT 'no role of ours has power over row-level security', p.finding FROM power AS p JOIN ours AS r ON r.oid = p.oid

    UNION ALL
    SELECT 'the role is a member of one group, and of nothing else',
           format('%s is a member of %s', session_user, coalesce(string_agg(r.rolname, ', ' ORDER BY r.rolname), 'nothing'))
    FROM held AS h
    JOIN pg_roles AS r ON r.oid = h.oid AND r.rolname NOT IN (session_user, current_user)
    HAVING count(*) <> 1 OR min(r.rolname) NOT IN ('audit_trusted', 'audit_keyed', 'audit_admin', 'audit_sealer', 'audit_signer',
                                                        'audit_retention', 'audit_eraser')

    UNION ALL
    SELECT 'the role owns nothing here', format('%s owns %s', o.owner::regrole, o.object)
    FROM owned AS o JOIN held AS h ON h.oid = o.owner
    UNION ALL
    SELECT 'everything belongs to audit_owner', format('%s belongs to %s', o.object, o.owner::regrole)
    FROM owned AS o
    WHERE o.owner <> 'audit_owner'::regrole AND o.object <> 'the database' AND o.object <> ALL (v_keepers_own)
    UNION ALL
    -- With the privileges of the owner they would need those of audit_keeper, and get none.
    SELECT 'what deletes and erases belongs to audit_keeper', format('%s belongs to %s', o.object, o.owner::regrole)
    FROM owned AS o
    WHERE (o.owner = 'audit_keeper'::regrole) <> (o.object = ANY (v_keepers_own))
    UNION ALL
    SELECT 'what deletes and erases belongs to audit_keeper', format('%s can become audit_keeper', m.member::regrole)
    FROM pg_auth_members AS m
    WHERE m.roleid = 'audit_keeper'::regrole AND m.member <> 'audit_owner'::regrole
      -- From PostgreSQL 16 on the role that made it is a member that can grant it and cannot become it; before, there is no such column.
      AND coalesce((to_jsonb(m) ->> 'set_option')::boolean OR (to_jsonb(m) ->> 'inherit_option')::boolean, true)
    UNION ALL
    -- Each function that runs as the owner could delete and erase.
    SELECT 'what deletes and erases belongs to audit_keeper', 'audit_owner has the privileges of audit_keeper without becoming it'
    WHERE pg_has_role('audit_owner', 'audit_keeper', 'USAGE')

    UNION ALL
    SELECT 'what our roles make is open to nobody', format('%s%s has %s by default on what %s makes%s',
           CASE d.defaclobjtype WHEN 'f' THEN 'functions: ' WHEN 'T' THEN 'types: ' WHEN 'r' THEN 'tables: '
               WHEN 'S' THEN 'sequences: ' WHEN 'n' THEN 'schemas: ' END,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type, d.defaclrole::regrole,
           ' in schema ' || nullif(d.defaclnamespace, 0)::regnamespace)
    FROM pg_default_acl AS d
    LEFT JOIN LATERAL aclexplode(d.defaclacl) AS a ON true
    WHERE d.defaclrole IN (SELECT h.oid FROM held AS h UNION SELECT r.oid FROM ours AS r)
      AND NOT coalesce(d.defaclrole = 'audit_owner'::regrole AND d.defaclnamespace = 0 AND d.defaclobjtype IN ('f', 'T')
                       AND a.grantee = d.defaclrole, false)
    UNION ALL
    SELECT 'what our roles make is open to nobody', format('new %s of audit_owner are open to PUBLIC', kind.name)
    FROM (VALUES ('f', 'functions'), ('T', 'types')) AS kind (letter, name)
    WHERE NOT EXISTS (
        SELECT FROM pg_default_acl AS d
        WHERE d.defaclrole = 'audit_owner'::regrole AND d.defaclnamespace = 0 AND d.defaclobjtype = kind.letter::"char")

    UNION ALL
    -- A temporary table outlives the transaction of its tenant; an object of one's own can shadow, or be a trap.
    SELECT 'neither the role nor PUBLIC can create anything in this database',
           format('run, as the database''s owner: REVOKE %s ON DATABASE %I FROM %I',
                  privilege.name, current_database(), grantee.name)
    FROM (VALUES ('TEMPORARY'), ('CREATE')) AS privilege (name)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN has_database_privilege('public', current_database(), privilege.name) THEN 'public'
                    WHEN has_database_privilege(session_user, current_database(), privilege.name) THEN session_user END
    ) AS grantee (name)
    WHERE grantee.name IS NOT NULL
    UNION ALL
    SELECT 'neither the role nor PUBLIC can create anything in this database',
           format('%s can create in schema %I', session_user, n.nspname)
    FROM pg_namespace AS n
    WHERE has_schema_privilege(session_user, n.oid, 'CREATE');
END
$$;

COMMENT ON FUNCTION audit.findings_of_roles IS
    'Violations of the rules of audit.isolation_report() about roles: the role that asks, those it could become, those '
    'of ours, and PUBLIC.';
REVOKE ALL ON FUNCTION audit.findings_of_roles FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.findings_of_roles TO audit_trusted, audit_keyed, audit_admin;
