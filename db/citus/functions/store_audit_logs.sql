-- Stores records in one INSERT, as in db/functions, said so that it reaches the tenant's node alone: what the WITH there gives to the INSERT, Citus sends to
-- every node, and each would have a part in the transaction. Then no tenant could write while one node is away, and each node would work for the records
-- of all. RETURNING counts them: the row count of such an INSERT is that of the records that were given, also of those whose id is taken.

CREATE OR REPLACE FUNCTION audit.store_audit_logs(p_records json, p_tenant_id text, p_scope text)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_stored int;
BEGIN
    -- Before the INSERT, which takes them as they are: where one is refused, a subtransaction ends. Citus sends that to the worker in the middle of the
    -- records that it copies there, and the session is lost.
    PERFORM audit.parsed_context(r.context)
    FROM json_populate_recordset(NULL::audit.new_audit_log, p_records) AS r WHERE r.context IS NOT NULL;

    -- RETURNING no column: a role that may not read may insert.
    IF p_scope = 'write' THEN
        -- Not created_at, which no run-time role may write: the server's clock.
        WITH stored AS (
            INSERT INTO audit.audit_logs
                (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context)
            SELECT coalesce(r.id, audit.uuid_v7()), r.trace_id, p_tenant_id, r.agent_id, r.mode, r.status, r.http_status,
                   r.latency_ms, r.user_id, r.error, r.context::json
            FROM json_populate_recordset(NULL::audit.new_audit_log, p_records) AS r
            WHERE r.mode IS NOT NULL AND r.status IS NOT NULL
            ON CONFLICT DO NOTHING
            RETURNING 1
        )
        SELECT count(*) INTO v_stored FROM stored;
    ELSE
        -- Replayed records were made before now: a time in the future, by a wrong clock of the service, becomes the current time.
        WITH stored AS (
            INSERT INTO audit.audit_logs
                (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context, created_at)
            -- A replayed record without an id is refused: repeating the replay would store it again.
            SELECT CASE p_scope WHEN 'replay' THEN r.id ELSE coalesce(r.id, audit.uuid_v7()) END, r.trace_id, p_tenant_id, r.agent_id,
                   r.mode, r.status, r.http_status, r.latency_ms, r.user_id, r.error,
                   r.context::json,
                   least(r.created_at, CASE p_scope WHEN 'replay' THEN clock_timestamp() END)
            FROM json_populate_recordset(NULL::audit.new_audit_log, p_records) AS r
            WHERE r.created_at IS NOT NULL
            ON CONFLICT DO NOTHING
            RETURNING 1
        )
        SELECT count(*) INTO v_stored FROM stored;
    END IF;
    IF audit.are_pruned(ARRAY(
            SELECT r.id FROM json_populate_recordset(NULL::audit.new_audit_log, p_records) AS r WHERE r.id IS NOT NULL)) THEN
        RAISE EXCEPTION 'the id belongs to another record'
            USING ERRCODE = 'RF004', COLUMN = 'id', HINT = 'Give every record an id of its own.';
    END IF;
    RETURN v_stored;
END
$$;
