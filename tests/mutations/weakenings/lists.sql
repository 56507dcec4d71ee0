-- What no pattern finds in lists: whose records a page has, where it begins and ends, what its filters compare, and what its cursor
-- belongs to, each made to say less.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        -- The tenant: the policies are not the only ones to ask.
        ('get_audit_log', 'leaves the tenant to the policies', ' AND l.tenant_id = v_tenant_id', ''),
        ('keyset_page', 'leaves the tenant to the policies', 'l.tenant_id = p_tenant_id', 'true'),
        ('count_hours', 'leaves the tenant to the policies', 'l.tenant_id = p_tenant_id', 'true'),
        ('describe_evidence', 'leaves the tenant of checkpoints to the policies', 'c.tenant_id = p_tenant_id', 'true'),
        ('describe_evidence', 'leaves the tenant of records to the policies', 'l.tenant_id = p_tenant_id', 'true'),
        ('describe_evidence', 'leaves the tenant of trees to the policies', 't.tenant_id = p_tenant_id', 'true'),
        ('describe_administration', 'tells the terms of any tenant', 'audit.list_retention(v_tenant_id)', 'audit.list_retention()'),
        ('describe_administration', 'tells the holds of every tenant', 'l.tenant_id = v_tenant_id', 'true'),
        ('describe_administration', 'tells the keys of every tenant', 'a.tenant_id = v_tenant_id', 'true'),
        ('admin_events_keyset_page', 'leaves the tenant to the policies', 'e.tenant_id = p_tenant_id', 'true'),

        -- Filters by context and key.
        ('context_filter', 'takes a number for a text', 'json_typeof(e.value) <> ''string'' OR ', ''),
        ('context_filter', 'knows every name', ' OR NOT audit.is_context(json_build_object(e.key, e.value))', ''),
        ('context_filter', 'keeps the order of the names', 'p_context::jsonb::json', 'p_context'),
        ('context_filter', 'takes no name for a filter', 'CASE WHEN EXISTS (SELECT FROM json_object_keys(p_context)) THEN p_context::jsonb::json END', 'p_context::jsonb::json'),
        ('context_filter', 'fails at NUL', 'untranslatable_character OR ', ''),
        ('filtered_page', 'compares nothing with a key or a context alone', 'OR num_nonnulls(p_api_key_id, p_context) > 0', ''),
        ('filtered_page', 'finds what has no context', 'IS DISTINCT FROM p_context ->> w.name', '<> p_context ->> w.name'),
        ('filtered_page', 'compares the first name alone', 'FROM json_each_text(p_context) AS w', 'FROM json_each_text(p_context) AS w LIMIT 1'),

        -- Pages.
        ('keyset_page', 'repeats a record, newest first', '< (p_after_time, p_after_id)', '<= (p_after_time, p_after_id)'),
        ('keyset_page', 'repeats a record, oldest first', '> (p_after_time, p_after_id)', '>= (p_after_time, p_after_id)'),
        ('keyset_page', 'loses equal times, newest first', '(l.created_at, l.id) < (p_after_time, p_after_id)', 'l.created_at < p_after_time'),
        ('keyset_page', 'loses equal times, oldest first', '(l.created_at, l.id) > (p_after_time, p_after_id)', 'l.created_at > p_after_time'),
        ('keyset_page', 'leaves out the last, newest first', '>= (p_last_time, p_last_id)', '> (p_last_time, p_last_id)'),
        ('keyset_page', 'leaves out the last, oldest first', '<= (p_last_time, p_last_id)', '< (p_last_time, p_last_id)'),
        ('keyset_page', 'lets the planner choose, newest first', ' DESC NULLS LAST', ' DESC'),
        ('keyset_page', 'lets the planner choose, oldest first', ' NULLS FIRST', ''),
        ('admin_events_keyset_page', 'repeats an event, newest first', '< (p_after_time, p_after_id)', '<= (p_after_time, p_after_id)'),
        ('admin_events_keyset_page', 'repeats an event, oldest first', '> (p_after_time, p_after_id)', '>= (p_after_time, p_after_id)'),
        ('admin_events_keyset_page', 'leaves out the last, newest first', '>= (p_last_time, p_last_id)', '> (p_last_time, p_last_id)'),
        ('admin_events_keyset_page', 'leaves out the last, oldest first', '<= (p_last_time, p_last_id)', '< (p_last_time, p_last_id)'),
        ('admin_events_keyset_page', 'lets the planner choose, newest first', ' DESC NULLS LAST', ' DESC'),
        ('admin_events_keyset_page', 'lets the planner choose, oldest first', ' NULLS FIRST', ''),
        ('filtered_page', 'goes on from the last record but one', 'v_part[v_rows]', 'v_part[v_rows - 1]'),
        ('filtered_page', 'takes a full part for the last', 'cardinality(v_part) < v_rows', 'cardinality(v_part) <= v_rows'),
        ('filtered_page', 'takes a part that finds few for the last', 'cardinality(v_part) < v_rows', 'cardinality(page) < p_rows'),
        ('filtered_page', 'finds one part alone', 'page := page || ARRAY', 'page := ARRAY'),
        ('filtered_page', 'gives more than it is asked for', 'IF cardinality(page) > p_rows THEN', 'IF false THEN'),
        ('filtered_page', 'loses what it cuts off', 'reached_time := page[p_rows].created_at;', ''),
        ('filtered_page', 'reads without end', ' OR v_read >= p_read', ''),
        ('filtered_page', 'always reads by the first filter', 'v_by := v_number;', 'v_by := coalesce(v_by, v_number);'),
        ('filtered_page', 'takes turns', 'v_seconds[v_by] := v_seconds[v_by] + abs(extract(epoch FROM reached_time - v_part[1].created_at));', ''),
        ('filtered_page', 'takes no turns among equal times', 'v_counts[v_number] < v_counts[v_by]', 'false'),
        ('list_audit_logs', 'believes a cursor beyond the window, newest first', ' OR v_after >= v_to', ''),
        ('list_audit_logs', 'believes a cursor beyond the window, oldest first', ' OR v_after < v_from', ''),
        ('list_audit_logs', 'goes back from a later record', 'v_page[1].id', 'v_page[cardinality(v_page)].id'),
        ('list_audit_logs', 'goes back from a later time', 'v_page[1].created_at', 'v_page[cardinality(v_page)].created_at'),
        ('list_audit_logs', 'goes back in the order of the page', 'CASE p_order WHEN ''desc'' THEN ''asc'' ELSE ''desc'' END', 'p_order'),
        ('list_audit_logs', 'goes back through the whole list', 'ELSE ''desc'' END, p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status,', 'ELSE ''desc'' END, NULL, NULL, NULL, NULL, NULL, NULL,'),
        ('count_audit_logs', 'takes a full count for all', 'c_most + 1, ''desc'')', 'c_most, ''desc'')'),
        ('count_audit_logs', 'takes a full count by a filter for all', 'c_most + 1, c_most *', 'c_most, c_most *'),
        ('count_audit_logs', 'says that it counted all', 'v_reached IS NULL AS', 'true AS'),
        ('count_audit_logs', 'says that it came as far as it was asked to', 'v_reached := v_page[c_most].created_at;', 'v_reached := v_from;'),
        ('count_audit_logs', 'looks for as long as it takes', 'c_most * greatest(num_nonnulls(p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status), 1)', 'NULL'),
        ('count_audit_logs', 'reads by the first filter alone', 'c_most * greatest(num_nonnulls(p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_http_status), 1)', 'c_most'),
        ('count_audit_logs', 'tells every agent', ' LIMIT 20) AS a', ') AS a'),
        ('count_audit_logs', 'tells the first agents by name', 'ORDER BY count(*) DESC, r.agent_id', 'ORDER BY r.agent_id'),
        ('count_hours', 'counts without end', 'LIMIT c_most', 'LIMIT ALL'),
        ('count_hours', 'counts the hour after, too', 'l.created_at < h.until', 'true'),
        ('count_hours', 'passes over the hours after', 'l.created_at < h.until', 'l.created_at < h.hour + interval ''1 hour'''),
        ('count_hours', 'begins after the hour', 'l.created_at >= h.hour', 'l.created_at > h.hour'),
        ('count_hours', 'lets the planner choose', ' DESC NULLS LAST', ' DESC'),
        ('count_hours', 'takes the hours of the session', 'now(), ''UTC''', 'now()'),
        ('count_hours', 'tells hours of the session', 'h.hour AT TIME ZONE ''UTC''', 'h.hour'),
        ('count_hours', 'tells the newest hour first', 'ORDER BY h.hour)', 'ORDER BY h.hour DESC)'),
        ('describe_evidence', 'tells the first checkpoint', 'c.epoch DESC, c.size DESC LIMIT 1', 'c.epoch, c.size LIMIT 1'),
        ('describe_evidence', 'takes the signer for a witness', ' AND split_part(l.line, '' '', 2) <> split_part(c.note, E''\n'', 1)', ''),
        ('describe_evidence', 'looks for a leaf of every record', 'l.id DESC LIMIT 100', 'l.id DESC'),
        ('describe_evidence', 'reads every leaf', ' LIMIT 1) AS leaf', ') AS leaf'),
        ('describe_evidence', 'takes what is sealed for waiting', 'WHERE leaf.is_there IS NULL', 'WHERE true'),
        ('describe_administration', 'tells holds that were released', ' AND l.released_at IS NULL', ''),
        ('describe_administration', 'names the person', 'l.user_id IS NOT NULL AS is_of_a_person', 'l.user_id AS is_of_a_person'),
        ('describe_administration', 'tells every hold', 'l.id DESC LIMIT 100', 'l.id DESC'),
        ('describe_administration', 'tells every key', 'a.id DESC LIMIT 100', 'a.id DESC'),
        ('summarize_audit_logs', 'takes an unknown tenant for an empty one', 'NOT EXISTS (SELECT FROM audit.tenants WHERE id = v_tenant_id)', 'false'),
        ('admin_events_page', 'believes a cursor beyond the window, newest first', ' OR v_after >= v_to', ''),
        ('admin_events_page', 'believes a cursor beyond the window, oldest first', ' OR v_after < v_from', '')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how), replace(s.body, r.phrase, r.instead)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
UNION ALL
-- A cursor belongs to one list.
SELECT format('function audit.page_cursor forgets %s', parameter.name),
       regexp_replace(s.body, format('(json_build_array\([^;]*?)\m%s\M', parameter.name), '\1NULL')
FROM source AS s
CROSS JOIN unnest(ARRAY[
    'p_microseconds', 'v_id', 'p_tenant_id', 'p_order', 'p_agent_id', 'p_trace_id', 'p_user_id', 'p_mode', 'p_status',
    'p_http_status', 'p_start_time', 'p_end_time']) AS parameter (name)
WHERE s.proname = 'page_cursor'
UNION ALL
SELECT format('function audit.page_cursor forgets %s', parameter.name), regexp_replace(s.body, format('(THEN json_build_array\([^;]*?)\m%s\M', parameter.name), '\1NULL')
FROM source AS s
CROSS JOIN unnest(ARRAY['p_api_key_id', 'p_context']) AS parameter (name)
WHERE s.proname = 'page_cursor'
ORDER BY 1
