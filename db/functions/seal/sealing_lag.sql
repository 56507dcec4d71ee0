-- How far sealing is behind, and which transactions hold it back. For audit_sealer alone: the age of another tenant's record tells how busy
-- that tenant is. It asks each tenant in turn, about a second for 10,000 of them, so a monitor asks twice a minute, not a hundred times.
--
-- It needs no privilege on the statistics of others: the locks on transaction numbers, the database and the role of each session are
-- shown to everybody. When a transaction began is not, and is left out.

CREATE OR REPLACE FUNCTION audit.sealing_lag()
RETURNS TABLE (seconds double precision, held_back_by json)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_secret_id text := (SELECT s.id::text FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL);
    v_tenant    text;
    v_next      record;
    v_oldest    record;   -- the oldest of them
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a tenant is entered in a transaction that is READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM set_config('app.scope', 'seal', true);
    SELECT NULL::xid8 AS xid, NULL::timestamptz AS recorded_at INTO v_oldest;
    FOR v_tenant IN SELECT t.id FROM audit.tenants AS t LOOP
        PERFORM audit.set_proven_tenant(v_secret_id, v_tenant, 'seal', '', '');
        v_next := audit.next_to_seal(v_tenant);
        IF v_next.recorded_at < v_oldest.recorded_at OR (v_next.recorded_at IS NOT NULL AND v_oldest.recorded_at IS NULL) THEN
            v_oldest := v_next;
        END IF;
    END LOOP;
    PERFORM audit.leave_tenant();

    RETURN QUERY
    SELECT coalesce(greatest(extract(epoch FROM clock_timestamp() - v_oldest.recorded_at), 0), 0)::double precision,
           coalesce((
               SELECT json_agg(json_build_object('kind', h.kind, 'pid', h.pid, 'gid', h.gid, 'database', h.database, 'role', h.role,
                                                 'since', h.since) ORDER BY h.age DESC)
               FROM (
                   SELECT 'transaction' AS kind, l.pid, NULL AS gid, a.datname::text AS database, a.usename::text AS role,
                          NULL::timestamptz AS since, max(age(l.transactionid)) AS age
                   FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
                   WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
                   GROUP BY l.pid, a.datname, a.usename
                   UNION ALL
                   SELECT 'prepared transaction', NULL, p.gid, p.database::text, p.owner::text, p.prepared, age(p.transaction)
                   FROM pg_prepared_xacts AS p
                   ORDER BY age DESC LIMIT 10) AS h
               -- Of an older number than the record: until they end, it is not final what stands before it.
               WHERE h.age > age(v_oldest.xid::xid)), '[]');
END
$$;

COMMENT ON FUNCTION audit.sealing_lag IS
    'seconds: the age of the oldest record that is committed and not sealed; 0 when there is none. held_back_by: a JSON array with the '
    'transactions, and the prepared ones, in any database of the server, that the record waits for, oldest first, ten at most. When it '
    'is empty and seconds grow, no sealer runs or it is too slow. SECURITY DEFINER: it proves each tenant in turn, with the scope seal.';
REVOKE ALL ON FUNCTION audit.sealing_lag FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.sealing_lag TO audit_sealer;
