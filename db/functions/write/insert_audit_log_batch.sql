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
-- When one record waits for a lock (another transaction is writing the same id), the whole batch waits. So it waits 20 ms at most:
-- 15 here, and 5 while audit.append_audit_logs() finds out which record it was. The caller may send that one again.
SET lock_timeout = '15ms'
AS $$
DECLARE
    v_credential record;            -- and all records that came with it
    v_position   int;               -- in p_records
    v_number     int;               -- among those of its credential
    v_outcome    json;              -- of those that no refusal is about
    v_refusals   json[];
    v_outcomes   json[] := '{}';
    v_message    text;
    v_detail     text;
    v_column     text;
    v_constraint text;
BEGIN
    FOR v_credential IN
        SELECT r.api_key, r.tenant_id, array_agg(r.position) AS positions, json_agg(r.record) AS records
        FROM (SELECT e.record ->> 'api_key', e.record ->> 'tenant_id', (e.record ->> 'position')::int, e.record
              FROM json_array_elements(p_records) AS e (record)
              ORDER BY 1, 2, 3) AS r (api_key, tenant_id, position, record)
        GROUP BY r.api_key, r.tenant_id
        ORDER BY r.api_key, r.tenant_id
    LOOP
        BEGIN
            IF v_credential.api_key IS NULL THEN   -- no CASE: it would want the privilege for both functions
                v_outcome := json_build_object('tenant_id', audit.set_tenant(v_credential.tenant_id));
            ELSE
                v_outcome := json_build_object('tenant_id', audit.enter_tenant(v_credential.api_key, v_credential.tenant_id));
            END IF;
            v_refusals := (audit.append_audit_logs(v_credential.records, 'write')).refusals;
        EXCEPTION WHEN OTHERS THEN
            -- About the credential, and so about all that came with it.
            GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
                v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME;
            v_refusals := NULL;
            v_outcome := json_build_object(
                'sqlstate', SQLSTATE, 'message', v_message, 'detail', v_detail, 'column', v_column, 'constraint', v_constraint);
            IF SQLSTATE = '55P03' THEN
                PERFORM set_config('lock_timeout', '5ms', true);   -- for the others, until this function ends
            END IF;
        END;
        v_number := 0;
        FOREACH v_position IN ARRAY v_credential.positions LOOP
            v_number := v_number + 1;
            v_outcomes[v_position] := coalesce(v_refusals[v_number], v_outcome);
        END LOOP;
    END LOOP;
    RETURN array_to_json(v_outcomes);
END
$$;

COMMENT ON FUNCTION audit.insert_audit_log_batch IS
    'Appends records of several requests, each with the fields of audit.insert_audit_log(), its position from 1 on, and an '
    'api_key or a tenant_id. Returns an array with, at the place of each, its tenant_id, or the sqlstate, message, column and '
    'constraint of its refusal, with a detail when its credential is refused; what is refused alone is not stored. 55P03, for '
    'the record and what comes after it with the same credential: another transaction is writing a record of this id; try '
    'again. An error of the call itself: nothing was stored.';
REVOKE ALL ON FUNCTION audit.insert_audit_log_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.insert_audit_log_batch TO audit_trusted, audit_keyed;
