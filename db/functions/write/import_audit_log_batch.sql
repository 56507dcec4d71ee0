-- Records from elsewhere that keep their time. No run-time role may write created_at, so this runs as the owner, whose policy
-- demands of every row that the caller has proven its tenant with a key of the scope import.

CREATE OR REPLACE FUNCTION audit.import_audit_log_batch(p_records json, p_first int DEFAULT NULL)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_api_key_id text := audit.proven_api_key();
    v_tenant_id  text;
    v_appended   record;
BEGIN
    PERFORM audit.required_tenant('import');   -- raises RF006 when the key has not the scope import
    v_tenant_id := audit.required_proven_tenant('import');
    v_appended := audit.append_audit_logs(p_records, 'import', p_first);
    IF v_appended.stored > 0 THEN
        PERFORM audit.record_admin_event('records imported', v_tenant_id, v_api_key_id, jsonb_build_object('count', v_appended.stored));
    END IF;
    RETURN json_build_object('stored', v_appended.stored, 'refusals', array_to_json(v_appended.refusals));
END
$$;

COMMENT ON FUNCTION audit.import_audit_log_batch IS
    'Appends records with their own created_at to the tenant that a key with the scope import has proven: a JSON array as for '
    'audit.insert_audit_logs(), with created_at in every object; mode and status may be unknown. Returns stored, how many were '
    'not there before, and refusals: null when all of them are stored, now or before, else an array with null at the place of each record that is '
    'stored, now or before, and the sqlstate, message, column and constraint of each other: RF003 without created_at, RF004 '
    'when the id belongs to another record, and those of the table. With p_first all or none, as audit.import_audit_logs() has '
    'it. RF001 when no tenant is proven, RF006 when the key may not import. Repeating a call with the same ids and contents '
    'changes nothing. Records the act "records imported" with the key and how many were new: an event a call, and so several '
    'for a long request, which share their time. Events are append-only and no trigger may act at COMMIT, so that no event '
    'could count a whole transaction and not be believed from the caller. SECURITY DEFINER: no run-time role may choose a '
    'record''s time, so that a record without this scope has the server''s.';
REVOKE ALL ON FUNCTION audit.import_audit_log_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.import_audit_log_batch TO audit_keyed;
