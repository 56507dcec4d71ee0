-- The access matrix as it is: every privilege that any role but the owner has in schema audit, from the catalogue.

CREATE OR REPLACE FUNCTION audit.granted_privileges()
RETURNS TABLE (grantee text, object_type text, object text, privilege text)
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Its answers are compared with those of audit.intended_privileges(), whatever the session has set.
SET quote_all_identifiers = off
AS $$
    WITH access_list (object_type, object, owner, acl) AS (
        SELECT 'schema', n.nspname::text, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
        FROM pg_namespace AS n
        WHERE n.nspname = 'audit'
        UNION ALL
        SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, 'audit.' || c.relname, c.relowner,
               coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner))
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT 'column', concat_ws('.', 'audit', c.relname, a.attname), c.relowner, a.attacl
        FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'audit'::regnamespace AND a.attacl IS NOT NULL AND NOT a.attisdropped
        UNION ALL
        SELECT 'function', 'audit.' || p.proname, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
        FROM pg_proc AS p
        WHERE p.pronamespace = 'audit'::regnamespace
        UNION ALL
        -- Row types of tables aside: with USAGE on one a column of that type can be made, and nothing read.
        SELECT 'type', 'audit.' || t.typname, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
        FROM pg_type AS t
        LEFT JOIN pg_class AS c ON c.oid = t.typrelid
        WHERE t.typnamespace = 'audit'::regnamespace AND t.typcategory <> 'A' AND coalesce(c.relkind, 'c') = 'c'
    )
    SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
           l.object_type,
           l.object,
           a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM access_list AS l
    CROSS JOIN LATERAL aclexplode(l.acl) AS a
    WHERE a.grantee <> l.owner
$$;

COMMENT ON FUNCTION audit.granted_privileges IS
    'Every privilege that any role but the owner has on schema audit, its tables, views, sequences, columns, functions and types.';
REVOKE ALL ON FUNCTION audit.granted_privileges FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.granted_privileges TO audit_trusted, audit_keyed, audit_admin;
