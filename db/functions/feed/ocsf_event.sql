-- A record as an event of OCSF (Open Cybersecurity Schema Framework), version 1.9.0: class API Activity (6003) with the profiles
-- ai_operation, record_integrity and trace. docs/ocsf.md says where each field of a record goes, and why. What a record does not say is left
-- out, and what has been erased; where OCSF demands a field all the same, it is "Unknown".
--
-- Made by hand, since the feed calls it for every record that it gives: with json_build_object() and json_strip_nulls() it takes four
-- times as long.

CREATE OR REPLACE FUNCTION audit.ocsf_event(p_record audit.listed_audit_log, p_epoch int, p_leaf_index bigint, p_leaf_hash bytea)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_agent          text := to_json(p_record.agent_id);
    v_agent_version  text;
    v_model          text;
    v_tool           text;
    v_conversation   text;
    v_event          text;
    v_resource       text;
    v_policy         text;
    v_origin         text;
    v_unmapped       text;
BEGIN
    IF p_record.context IS NOT NULL THEN
        -- As a text what has a place in OCSF, which takes a text there; what has none keeps its type. json and not jsonb, which refuses
        -- numbers that json takes: one such record would stop the feed. A name that audit.is_context() comes to take needs its line here.
        SELECT to_json(c."gen_ai.agent.version"), to_json(c."gen_ai.request.model"), to_json(c."gen_ai.tool.name"),
               to_json(c."gen_ai.conversation.id"), to_json(c.event), to_json(c.resource), to_json(c.policy_id), to_json(c.origin),
               concat(
                   ',"span_id":' || c.span_id::text,
                   ',"parent_span_id":' || c.parent_span_id::text,
                   ',"mcp.session.id":' || c."mcp.session.id"::text,
                   ',"approver":' || c.approver::text,
                   ',"reason_code":' || c.reason_code::text,
                   ',"input_sha256":' || c.input_sha256::text,
                   ',"output_sha256":' || c.output_sha256::text,
                   ',"dry_run_of":' || c.dry_run_of::text)
        INTO v_agent_version, v_model, v_tool, v_conversation, v_event, v_resource, v_policy, v_origin, v_unmapped
        FROM json_to_record(p_record.context::json) AS c (
            "gen_ai.agent.version" text, "gen_ai.request.model" text, "gen_ai.tool.name" text, "gen_ai.conversation.id" text,
            event text, resource text, policy_id text, origin text,
            span_id json, parent_span_id json, "mcp.session.id" json, approver json, reason_code json, input_sha256 json,
            output_sha256 json, dry_run_of json);
    END IF;
    v_unmapped := concat(
        ',"mode":"' || p_record.mode || '"',
        -- http_response has no place for it without a code
        CASE WHEN p_record.http_status IS NULL THEN ',"latency_ms":' || p_record.latency_ms END,
        v_unmapped);

    RETURN concat(
        '{"activity_id":99,"activity_name":"Invoke","category_uid":6,"category_name":"Application Activity","class_uid":6003,',
        '"class_name":"API Activity","type_uid":600399,"type_name":"API Activity: Other",',
        CASE p_record.status
            WHEN 'started' THEN '"severity_id":1,"severity":"Informational","status_id":99,"status":"started","status_code":"started"'
            WHEN 'success' THEN '"severity_id":1,"severity":"Informational","status_id":1,"status":"Success","status_code":"success"'
            WHEN 'error' THEN '"severity_id":2,"severity":"Low","status_id":2,"status":"Failure","status_code":"error"'
            WHEN 'denied' THEN '"severity_id":3,"severity":"Medium","status_id":2,"status":"Failure","status_code":"denied"'
            ELSE '"severity_id":0,"severity":"Unknown","status_id":0,"status":"Unknown"' END,
        ',"status_detail":' || to_json(p_record.error)::text,
        ',"message":', to_json(concat(
            CASE p_record.mode WHEN 'DRY_RUN' THEN 'Dry run' ELSE 'Execution' END, ' of agent ', p_record.agent_id, ': ' || p_record.status)),
        -- Milliseconds, never later than the time itself.
        ',"time":', trunc(extract(epoch FROM p_record.created_at) * 1000),
        ',"metadata":{"version":"1.9.0","product":{"name":"Ringfence","vendor_name":"Ringfence"},',
        '"profiles":["ai_operation","record_integrity","trace"],"uid":"', p_record.id,
        '","tenant_uid":"', p_record.tenant_id, '","sequence":', p_leaf_index,
        ',"original_time":"', to_char(p_record.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"',
        ',"logged_time":' || trunc(extract(epoch FROM p_record.recorded_at) * 1000),
        ',"event_code":' || v_event,
        '},"actor":{', coalesce('"app_uid":"' || p_record.api_key_id || '"', '"app_name":"Unknown"'),
        ',"user":{"uid":' || to_json(p_record.user_id)::text || '}',
        ',"authorizations":[{"policy":{"uid":' || v_policy || '}'
            || CASE WHEN p_record.status = 'denied' THEN ',"decision":"denied"' WHEN p_record.status IS NOT NULL THEN ',"decision":"allowed"' ELSE '' END
            || '}]',
        '},"src_endpoint":{"name":', coalesce(v_origin, '"Unknown"'),
        '},"api":{"operation":"execute","service":{"name":', coalesce(v_tool, v_agent),
        '}},"ai_agent":{"uid":', v_agent, ',"version":' || v_agent_version,
        ',"ai_model":{"ai_provider":"Unknown","name":' || v_model || '}', '}',
        ',"http_response":{"code":' || p_record.http_status || coalesce(',"latency":' || p_record.latency_ms, '') || '}',
        ',"trace":{"uid":' || to_json(p_record.trace_id)::text || '}',
        ',"message_context":{"uid":' || v_conversation || ',"service":{"name":' || v_agent || '}}',
        ',"resources":[{"name":' || v_resource || '}]',
        ',"unmapped":{' || nullif(substr(v_unmapped, 2), '') || '}',
        -- The hash is the leaf's, not the event's: hence a serialization that OCSF does not know.
        ',"attestation_list":[{"uid":"', p_leaf_index, '","chain_uid":"', p_record.tenant_id, '/', p_epoch,
        '","fingerprint":{"algorithm_id":3,"algorithm":"SHA-256","encoding_id":1,"encoding":"Hex","serialization_id":99,',
        '"serialization":"Ringfence leaf 1","value":"', encode(p_leaf_hash, 'hex'), '"}}]}');
END
$$;

COMMENT ON FUNCTION audit.ocsf_event IS
    'The record as one line of JSON: an event of OCSF 1.9.0, class API Activity, as docs/ocsf.md describes it. p_epoch, p_leaf_index and '
    'p_leaf_hash: where the record is sealed; none may be NULL. Reads no table. STABLE, since to_json() and to_char() promise no more; its bytes depend on no '
    'setting. Runs as its caller.';
REVOKE ALL ON FUNCTION audit.ocsf_event FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.ocsf_event TO audit_trusted;
