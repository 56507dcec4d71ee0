-- Records of several requests in one transaction, so that they share its commit. They share nothing else: each is written
-- under the tenant that its own credential opens, and one that is refused harms no other.

CREATE OR REPLACE FUNCTION audit.insert_audit_log_batch(p_records json)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_record     record;
    v_api_key    text;              -- the credential in force, as it was given
    v_named      text;
    v_tenant_id  text;              -- what that opened. NULL: nothing is in force
    v_outcomes   json[] := '{}';
    v_message    text;
    v_detail     text;
    v_column     text;
    v_constraint text;
BEGIN
    -- Side by side the records of one credential, so that it is checked once for all of them.
    FOR v_record IN
        SELECT r.*
        FROM json_to_recordset(p_records) AS r (
            position int, api_key text, tenant_id text, id uuid, trace_id text, agent_id text, mode text, status text,
            http_status int, latency_ms int, user_id text, error text)
        ORDER BY r.api_key, r.tenant_id, r.position
    LOOP
        BEGIN
            IF v_tenant_id IS NULL OR v_record.api_key IS DISTINCT FROM v_api_key
                                   OR v_record.tenant_id IS DISTINCT FROM v_named THEN
                v_tenant_id := NULL;   -- should what follows fail, nobody finds the tenant of the record before
                v_api_key := v_record.api_key;
                v_named := v_record.tenant_id;
                IF v_record.api_key IS NOT NULL THEN
                    v_tenant_id := audit.enter_tenant(v_record.api_key, v_record.tenant_id);
                ELSE
                    v_tenant_id := audit.set_tenant(v_record.tenant_id);
                END IF;
            END IF;
            PERFORM audit.insert_audit_log(
                p_agent_id => v_record.agent_id, p_mode => v_record.mode, p_status => v_record.status,
                p_trace_id => v_record.trace_id, p_http_status => v_record.http_status,
                p_latency_ms => v_record.latency_ms, p_user_id => v_record.user_id, p_error => v_record.error,
                p_id => v_record.id);
            v_outcomes[v_record.position] := json_build_object('tenant_id', v_tenant_id);
        EXCEPTION WHEN OTHERS THEN
            -- If this record entered a tenant, that is undone as well: the transaction is back in the one before.
            v_tenant_id := NULL;
            GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
                v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME;
            v_outcomes[v_record.position] := json_build_object(
                'sqlstate', SQLSTATE, 'message', v_message, 'detail', v_detail, 'column', v_column,
                'constraint', v_constraint);
        END;
    END LOOP;
    RETURN array_to_json(v_outcomes);
END
$$;

COMMENT ON FUNCTION audit.insert_audit_log_batch IS
    'Appends records of several requests, each with the fields of audit.insert_audit_log(), its position from 1 on, and an '
    'api_key or a tenant_id. Returns an array with, at the place of each, its tenant_id, or the sqlstate, message, detail, column '
    'and constraint of its refusal; what is refused alone is not stored. An error of the call itself: nothing was stored.';
REVOKE ALL ON FUNCTION audit.insert_audit_log_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.insert_audit_log_batch TO audit_trusted, audit_keyed;
