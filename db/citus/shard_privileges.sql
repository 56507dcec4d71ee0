-- The privileges on shards: those of their table, which a release may have changed on the coordinator alone, and two that differ. Citus names every
-- column of a row when it hands an INSERT on, also those with a default; which columns a caller may name is decided on the coordinator, by the
-- privileges on audit.audit_logs. audit_keyed needs none: its records are stored as the owner. And Citus makes a table with all of its owner's
-- privileges, where the owner of a trail changes no record. A shard that is made, moved or split later has the
-- last two from new_shards.sql.
DO $$
DECLARE
    c_table   CONSTANT regclass := 'audit.audit_logs';
    v_granted text[] := ARRAY(
        SELECT format('GRANT %s (%s) ON %%s TO %I', p.privilege_type, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), r.rolname)
        FROM pg_attribute AS a
        CROSS JOIN LATERAL aclexplode(a.attacl) AS p
        JOIN pg_roles AS r ON r.oid = p.grantee
        WHERE a.attrelid = c_table
        GROUP BY p.privilege_type, r.rolname
        UNION ALL
        SELECT format('GRANT %s ON %%s TO %I', p.privilege_type, r.rolname)
        FROM pg_class AS c
        CROSS JOIN LATERAL aclexplode(c.relacl) AS p
        JOIN pg_roles AS r ON r.oid = p.grantee
        WHERE c.oid = c_table AND r.oid <> c.relowner);
    v_command text;
    v_refusal text;
BEGIN
    FOREACH v_command IN ARRAY
        ARRAY['REVOKE ALL ON %s FROM audit_trusted, audit_keyed, audit_keeper'] || v_granted
        || ARRAY['GRANT INSERT ON %s TO audit_trusted', 'REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM audit_owner']
    LOOP
        SELECT p.result INTO v_refusal FROM run_command_on_placements('audit.audit_logs', v_command) AS p WHERE NOT p.success LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'a shard took no privilege: %', v_refusal;
        END IF;
    END LOOP;
END
$$;
