-- All that a weakening can change, as one digest for the database and one for its cluster. Object numbers are the same in
-- every clone of a database; below 16384 they are the server's own, which no weakening touches. Answers one row.

SELECT
    (SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
        -- Statistics aside, which ANALYZE leaves even where it is rolled back.
        SELECT (to_jsonb(t) - ARRAY['relpages', 'reltuples', 'relallvisible', 'relallfrozen'])::text FROM pg_class AS t
        WHERE t.oid >= 16384 UNION ALL
        SELECT t::text FROM pg_attribute AS t WHERE t.attrelid >= 16384 UNION ALL
        SELECT t::text FROM pg_attrdef AS t UNION ALL
        SELECT t::text FROM pg_constraint AS t WHERE t.oid >= 16384 UNION ALL
        SELECT t::text FROM pg_index AS t WHERE t.indexrelid >= 16384 UNION ALL
        SELECT t::text FROM pg_inherits AS t UNION ALL
        SELECT t::text FROM pg_policy AS t UNION ALL
        -- Defaults as they read: as they are kept, they say where in the statement each of them stood.
        SELECT concat(to_jsonb(t) - 'proargdefaults', pg_get_function_arguments(t.oid)) FROM pg_proc AS t
        WHERE t.pronamespace <> 'pg_catalog'::regnamespace UNION ALL
        SELECT t::text FROM pg_type AS t WHERE t.oid >= 16384 UNION ALL
        SELECT t::text FROM pg_namespace AS t UNION ALL
        SELECT t::text FROM pg_trigger AS t UNION ALL
        SELECT t::text FROM pg_rewrite AS t WHERE t.oid >= 16384 UNION ALL
        SELECT t::text FROM pg_default_acl AS t UNION ALL
        SELECT t::text FROM pg_language AS t UNION ALL
        SELECT t::text FROM pg_extension AS t UNION ALL
        SELECT t::text FROM pg_publication AS t UNION ALL
        SELECT concat(t.datdba, t.datacl) FROM pg_database AS t WHERE t.datname = current_database()
    ) AS state (line)) AS of_database,
    (SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
        SELECT t::text FROM pg_authid AS t UNION ALL
        SELECT t::text FROM pg_auth_members AS t UNION ALL
        SELECT t::text FROM pg_parameter_acl AS t UNION ALL
        SELECT t::text FROM pg_db_role_setting AS t
        WHERE t.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
    ) AS state (line)) AS of_cluster
