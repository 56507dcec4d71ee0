-- What no pattern finds in the events of the feed: each field of a record put elsewhere, left out, or told where it is not known.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        -- What is said of how it ended.
        ('ocsf_event', 'takes an error for a success', 'WHEN ''error'' THEN ''"severity_id":2,"severity":"Low","status_id":2,"status":"Failure"', 'WHEN ''error'' THEN ''"severity_id":2,"severity":"Low","status_id":1,"status":"Success"'),
        ('ocsf_event', 'takes a refusal for an error', '"status_code":"denied"', '"status_code":"error"'),
        ('ocsf_event', 'takes a beginning for a success', '"status_id":99,"status":"started"', '"status_id":1,"status":"Success"'),
        ('ocsf_event', 'makes little of a refusal', '"severity_id":3,"severity":"Medium"', '"severity_id":1,"severity":"Informational"'),
        ('ocsf_event', 'makes little of an error', '"severity_id":2,"severity":"Low"', '"severity_id":1,"severity":"Informational"'),
        ('ocsf_event', 'knows how every record ended', 'ELSE ''"severity_id":0,"severity":"Unknown","status_id":0,"status":"Unknown"''', 'ELSE ''"severity_id":1,"severity":"Informational","status_id":1,"status":"Success"'''),
        ('ocsf_event', 'takes a rehearsal for a performance', 'WHEN ''DRY_RUN'' THEN ''Dry run''', 'WHEN ''DRY_RUN'' THEN ''Execution'''),
        ('ocsf_event', 'says that a policy allowed what it denied', ',"decision":"denied"', ',"decision":"allowed"'),
        ('ocsf_event', 'says what a policy decided where it is not known', 'WHEN p_record.status IS NOT NULL THEN ', 'WHEN true THEN '),

        -- Times.
        ('ocsf_event', 'rounds a time up', 'trunc(extract(epoch FROM p_record.created_at) * 1000)', 'round(extract(epoch FROM p_record.created_at) * 1000)'),
        ('ocsf_event', 'rounds the time of recording up', 'trunc(extract(epoch FROM p_record.recorded_at) * 1000)', 'round(extract(epoch FROM p_record.recorded_at) * 1000)'),
        ('ocsf_event', 'tells seconds', 'p_record.created_at) * 1000', 'p_record.created_at) * 1'),
        ('ocsf_event', 'tells the time of recording for the time', 'extract(epoch FROM p_record.created_at)', 'extract(epoch FROM coalesce(p_record.recorded_at, p_record.created_at))'),
        ('ocsf_event', 'tells a local time', ' AT TIME ZONE ''UTC''', ''),
        ('cloud_event', 'tells a local time', 'p_record.created_at AT TIME ZONE ''UTC''', 'p_record.created_at'),
        ('cloud_event', 'tells a local time of recording', 'p_record.recorded_at AT TIME ZONE ''UTC''', 'p_record.recorded_at'),

        -- What is not known, and what is in its place.
        ('ocsf_event', 'calls the agent where a tool was called', 'coalesce(v_tool, v_agent)', 'v_agent'),
        ('ocsf_event', 'forgets where a request came from', 'coalesce(v_origin, ''"Unknown"'')', '''"Unknown"'''),
        ('ocsf_event', 'has an actor without a name', 'coalesce(''"app_uid":"'' || p_record.api_key_id || ''"'', ''"app_name":"Unknown"'')', '''"app_name":"Unknown"'''),
        ('ocsf_event', 'puts a latency into two places', 'CASE WHEN p_record.http_status IS NULL THEN '',"latency_ms":'' || p_record.latency_ms END', ''',"latency_ms":'' || p_record.latency_ms'),
        ('ocsf_event', 'loses a code without a latency', 'coalesce('',"latency":'' || p_record.latency_ms, '''')', ''',"latency":'' || p_record.latency_ms'),
        ('ocsf_event', 'has an empty object', 'nullif(substr(v_unmapped, 2), '''')', 'substr(v_unmapped, 2)'),
        ('ocsf_event', 'fails at a number', 'json_to_record(p_record.context::json)', 'jsonb_to_record(p_record.context::jsonb)'),

        -- The leaf.
        ('ocsf_event', 'tells the leaf of another epoch', '''/'', p_epoch', '''/'', 1'),
        ('ocsf_event', 'claims to have hashed the event', '"serialization_id":99', '"serialization_id":2'),
        ('cloud_event', 'tells the leaf of another epoch', '"leafepoch":'', p_epoch', '"leafepoch":'', 1'),

        -- traceparent.
        ('cloud_event', 'believes any trace', 'p_record.trace_id ~ ''^[0-9a-f]{32}$'' AND ', ''),
        ('cloud_event', 'believes a longer trace', '''^[0-9a-f]{32}$''', '''^[0-9a-f]{32}'''),
        ('cloud_event', 'believes what ends with a trace', '''^[0-9a-f]{32}$''', '''[0-9a-f]{32}$'''),
        ('cloud_event', 'believes a trace of zeros', ' AND p_record.trace_id ~ ''[1-9a-f]''', ''),
        ('cloud_event', 'believes any span', 'v_span_id !~ ''^[0-9a-f]{16}$'' OR ', ''),
        ('cloud_event', 'believes a longer span', '''^[0-9a-f]{16}$''', '''^[0-9a-f]{16}'''),
        ('cloud_event', 'believes what ends with a span', '''^[0-9a-f]{16}$''', '''[0-9a-f]{16}$'''),
        ('cloud_event', 'believes a span of zeros', ' OR v_span_id !~ ''[1-9a-f]''', ''),
        ('cloud_event', 'says that the trace was sampled', '''-00"''', '''-01"'''),

        -- What an attribute may hold.
        ('cloud_event', 'has any subject', 'CASE WHEN p_record.agent_id !~ c_forbidden THEN '',"subject":'' || v_agent_id END', ''',"subject":'' || v_agent_id'),
        ('cloud_event', 'has any trace', 'CASE WHEN p_record.trace_id !~ c_forbidden THEN '',"traceid":'' || v_trace_id END', ''',"traceid":'' || v_trace_id'),
        ('cloud_event', 'takes the first control characters for text', '\u0001-\u001f', ''),
        ('cloud_event', 'takes the last control characters for text', '\u007f-\u009f', '\u007f'),
        ('cloud_event', 'takes what is no character for one', '\ufdd0-\ufdef\ufffe\uffff', ''),
        ('cloud_event', 'takes what is no character in the last plane for one', '\U0010fffe\U0010ffff', ''),
        ('cloud_event', 'breaks a line', 'replace(p_record.context, chr(10), '' '')', 'p_record.context'),
        ('cloud_event', 'returns to the beginning of a line', ', chr(13), '' '')', ', chr(13), chr(13))')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how), replace(s.body, r.phrase, r.instead)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
UNION ALL
-- Each part of an event that is there only where a record says something, left out.
SELECT format('function audit.ocsf_event forgets %s', part.phrase), replace(s.body, part.phrase, 'NULL || ' || part.phrase)
FROM source AS s
CROSS JOIN LATERAL (
    SELECT DISTINCT m[1] AS phrase FROM regexp_matches(s.body, '(''[^'']*"[a-z0-9_.]+":[^'']*'' \|\|)', 'g') AS m) AS part
WHERE s.proname = 'ocsf_event'
ORDER BY 1
