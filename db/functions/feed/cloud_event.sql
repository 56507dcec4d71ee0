-- A record as an event of CloudEvents 1.0, in the JSON format's structured mode. docs/ocsf.md says where each field goes. Its data is the
-- record as GET /api/v1/audit/logs lists it, with null for what it does not say; an attribute without a value is left out.

CREATE OR REPLACE FUNCTION audit.cloud_event(p_record audit.listed_audit_log, p_epoch int, p_leaf_index bigint, p_leaf_hash bytea)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What no attribute may hold, and a record may: control characters, and what Unicode calls no characters. Read as a text with escapes or as
    -- a pattern with them, it is the same.
    c_forbidden  CONSTANT text :=
        '[\u0001-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff'
        '\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U0003fffe\U0003ffff\U0004fffe\U0004ffff\U0005fffe\U0005ffff\U0006fffe\U0006ffff'
        '\U0007fffe\U0007ffff\U0008fffe\U0008ffff\U0009fffe\U0009ffff\U000afffe\U000affff\U000bfffe\U000bffff\U000cfffe\U000cffff'
        '\U000dfffe\U000dffff\U000efffe\U000effff\U000ffffe\U000fffff\U0010fffe\U0010ffff]';
    v_agent_id   text := to_json(p_record.agent_id);
    v_trace_id   text := to_json(p_record.trace_id);
    v_created_at text := to_char(p_record.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    v_span_id    text;
BEGIN
    -- W3C Trace Context is exact about both: a traceparent of anything else would be refused, or join strangers.
    IF p_record.context IS NOT NULL AND p_record.trace_id ~ '^[0-9a-f]{32}$' AND p_record.trace_id ~ '[1-9a-f]' THEN
        v_span_id := p_record.context::json ->> 'span_id';
        IF v_span_id !~ '^[0-9a-f]{16}$' OR v_span_id !~ '[1-9a-f]' THEN
            v_span_id := NULL;
        END IF;
    END IF;

    RETURN concat(
        '{"specversion":"1.0","id":"', p_record.id,
        '","source":"/tenants/', p_record.tenant_id,
        '","type":"ringfence.execution', '.' || p_record.status, '"',
        CASE WHEN p_record.agent_id !~ c_forbidden THEN ',"subject":' || v_agent_id END,
        ',"time":"', v_created_at,
        '","datacontenttype":"application/json"',
        CASE WHEN p_record.trace_id !~ c_forbidden THEN ',"traceid":' || v_trace_id END,
        -- Whether the trace was sampled is not known: no flag is set.
        ',"traceparent":"00-' || p_record.trace_id || '-' || v_span_id || '-00"',
        -- The index as a text: an integer of CloudEvents has 32 bits.
        ',"leafepoch":', p_epoch, ',"leafindex":"', p_leaf_index, '","leafhash":"', encode(p_leaf_hash, 'hex'),
        '","data":{"id":"', p_record.id,
        '","trace_id":', coalesce(v_trace_id, 'null'),
        ',"tenant_id":"', p_record.tenant_id,
        '","agent_id":', v_agent_id,
        ',"mode":', coalesce('"' || p_record.mode || '"', 'null'),
        ',"status":', coalesce('"' || p_record.status || '"', 'null'),
        ',"http_status":', coalesce(p_record.http_status::text, 'null'),
        ',"latency_ms":', coalesce(p_record.latency_ms::text, 'null'),
        ',"user_id":', coalesce(to_json(p_record.user_id)::text, 'null'),
        ',"error":', coalesce(to_json(p_record.error)::text, 'null'),
        ',"created_at":"', v_created_at,
        '","recorded_at":', coalesce('"' || to_char(p_record.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', 'null'),
        ',"api_key_id":', coalesce('"' || p_record.api_key_id || '"', 'null'),
        -- A line break of JSON stands between its parts, never within a text. Not translate(), which is slow on a long text.
        ',"context":', coalesce(replace(replace(p_record.context, chr(10), ' '), chr(13), ' '), 'null'), '}}');
END
$$;

COMMENT ON FUNCTION audit.cloud_event IS
    'The record as one line of JSON: an event of CloudEvents 1.0, as docs/ocsf.md describes it. p_epoch, p_leaf_index and p_leaf_hash: '
    'where the record is sealed; none may be NULL. Reads no table. STABLE, since to_json() and to_char() promise no more; its bytes depend on no setting. '
    'Runs as its caller.';
REVOKE ALL ON FUNCTION audit.cloud_event FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.cloud_event TO audit_trusted;
