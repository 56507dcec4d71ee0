-- Records of several requests in one transaction, so that they share its commit. They share nothing else: each is written
-- under the tenant that its own credential opens, and one that is refused harms no other.

CREATE OR REPLACE FUNCTION audit.insert_audit_log_batch(p_records json)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- All wait where one waits: for another transaction that is writing a record of the same id. Its caller may send it again.
-- 20 ms at the most: 15 here, and 5 when it is found out below which record it was.
SET lock_timeout = '15ms'
AS $$
DECLARE
    v_credential record;            -- and all records that came with it
    v_record     record;
    v_position   int;
    v_tenant_id  text;
    v_outcomes   json[] := '{}';
    v_waited     json;              -- the refusal of a record that waited too long, if one did
    v_message    text;
    v_detail     text;
    v_column     text;
    v_constraint text;
BEGIN
    FOR v_credential IN
        SELECT r.api_key, r.tenant_id, array_agg(r.position) AS positions, json_agg(r) AS records
        FROM json_to_recordset(p_records) AS r (
            position int, api_key text, tenant_id text, id uuid, trace_id text, agent_id text, mode text, status text,
            http_status int, latency_ms int, user_id text, error text)
        GROUP BY r.api_key, r.tenant_id
        ORDER BY r.api_key, r.tenant_id
    LOOP
        -- What one credential brings is nearly always in order: one check of it, and one INSERT.
        BEGIN
            IF v_credential.api_key IS NULL THEN   -- no CASE: it would want the privilege for both functions
                v_tenant_id := audit.set_tenant(v_credential.tenant_id);
            ELSE
                v_tenant_id := audit.enter_tenant(v_credential.api_key, v_credential.tenant_id);
            END IF;
            PERFORM audit.insert_audit_logs(v_credential.records);
            FOREACH v_position IN ARRAY v_credential.positions LOOP
                v_outcomes[v_position] := json_build_object('tenant_id', v_tenant_id);
            END LOOP;
            CONTINUE;
        EXCEPTION WHEN OTHERS THEN
            -- Undone. Which of them is refused, and why, is found out below.
            IF SQLSTATE = '55P03' THEN
                PERFORM set_config('lock_timeout', '5ms', true);   -- until this function ends
            END IF;
        END;

        v_waited := NULL;
        FOR v_record IN
            SELECT r.*
            FROM json_to_recordset(v_credential.records) AS r (
                position int, id uuid, trace_id text, agent_id text, mode text, status text, http_status int,
                latency_ms int, user_id text, error text)
            ORDER BY r.position
        LOOP
            -- What else the credential brings may wait as well, and shall not make the others wait once a record.
            IF v_waited IS NOT NULL THEN
                v_outcomes[v_record.position] := v_waited;
                CONTINUE;
            END IF;
            -- Each enters anew: what an earlier one entered may have been undone with it, and another tenant be in force again.
            BEGIN
                IF v_credential.api_key IS NULL THEN
                    v_tenant_id := audit.set_tenant(v_credential.tenant_id);
                ELSE
                    v_tenant_id := audit.enter_tenant(v_credential.api_key, v_credential.tenant_id);
                END IF;
                PERFORM audit.insert_audit_log(
                    p_agent_id => v_record.agent_id, p_mode => v_record.mode, p_status => v_record.status,
                    p_trace_id => v_record.trace_id, p_http_status => v_record.http_status,
                    p_latency_ms => v_record.latency_ms, p_user_id => v_record.user_id, p_error => v_record.error,
                    p_id => v_record.id);
                v_outcomes[v_record.position] := json_build_object('tenant_id', v_tenant_id);
            EXCEPTION WHEN OTHERS THEN
                GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
                    v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME;
                v_outcomes[v_record.position] := json_build_object(
                    'sqlstate', SQLSTATE, 'message', v_message, 'detail', v_detail, 'column', v_column,
                    'constraint', v_constraint);
                IF SQLSTATE = '55P03' THEN
                    v_waited := v_outcomes[v_record.position];
                END IF;
            END;
        END LOOP;
    END LOOP;
    RETURN array_to_json(v_outcomes);
END
$$;

COMMENT ON FUNCTION audit.insert_audit_log_batch IS
    'Appends records of several requests, each with the fields of audit.insert_audit_log(), its position from 1 on, and an '
    'api_key or a tenant_id. Returns an array with, at the place of each, its tenant_id, or the sqlstate, message, detail, column '
    'and constraint of its refusal; what is refused alone is not stored. 55P03, for the record and what comes after it with the same '
    'credential: another transaction is writing a record of this id; try again. An error of the call itself: nothing was stored.';
REVOKE ALL ON FUNCTION audit.insert_audit_log_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.insert_audit_log_batch TO audit_trusted, audit_keyed;
