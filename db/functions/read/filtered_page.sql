-- The next rows of a list with any number of filters. One filter that has an index is one read of it. With others, rows are read by one
-- filter, in parts, and compared with the others: by each filter once, and then by the one whose rows have lain furthest apart. So two
-- filters together cost about what the rarer of them costs, and no statistics are needed to find out which that is.
--
-- With a key that shows a part of its tenant, its restriction is one more filter, and a narrower window. The policies leave out what it
-- does not show anyway; this is so that an index serves, since no LIMIT counts the rows that a policy hides.

CREATE OR REPLACE FUNCTION audit.filtered_page(
    p_tenant_id      text,
    p_agent_id       text,
    p_trace_id       text,
    p_user_id        text,
    p_mode           text,
    p_status         text,
    p_http_status    int,
    p_after_time     timestamptz,
    p_after_id       uuid,
    p_last_time      timestamptz,
    p_last_id        uuid,
    p_rows           int,
    p_read           int,
    p_order          text,
    p_api_key_id     text,
    p_context        json,
    OUT page         audit.listed_audit_log[],
    OUT reached_time timestamptz,
    OUT reached_id   uuid)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    -- The first is tried first: roughly from the filter that is rare in most tenants to the one that is not.
    c_columns CONSTANT text[] := ARRAY['trace_id', 'user_id', 'http_status', 'agent_id', 'status', 'mode'];
    v_values  text[];
    v_column  text;   -- of the restriction
    v_none    boolean;
    v_compare boolean;
    v_names   text[]   := ARRAY(SELECT w.key FROM json_each_text(p_context) AS w);
    -- How many rows were read by each filter, and the time that they span together.
    v_counts  bigint[] := ARRAY[0, 0, 0, 0, 0, 0];
    v_seconds float8[] := ARRAY[0, 0, 0, 0, 0, 0];
    v_by      int;
    v_rows    int      := p_rows;   -- of the next part
    v_read    bigint   := 0;
    v_part    audit.listed_audit_log[];
    -- Less than a proof lasts, and than statement_timeout: the caller is told what to do about it.
    v_until   timestamptz := clock_timestamp() + interval '4 seconds';
BEGIN
    page := '{}';
    -- '' or NULL where the whole tenant is shown. Whoever sets it by hand sees less.
    IF coalesce(current_setting('app.restriction', true), '') <> '' THEN
        SELECT w.p_agent_id, w.p_trace_id, w.p_user_id, w.p_mode, w.p_status, w.p_after_time, w.p_after_id, w.p_last_time, w.p_last_id,
               w.p_column, w.p_is_empty
        INTO p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_after_time, p_after_id, p_last_time, p_last_id, v_column, v_none
        FROM audit.within_restriction(
            current_setting('app.restriction', true)::json, p_order, p_agent_id, p_trace_id, p_user_id, p_mode, p_status, p_after_time,
            p_after_id, p_last_time, p_last_id) AS w;
        IF v_none THEN
            RETURN;
        END IF;
    END IF;
    v_values := ARRAY[p_trace_id, p_user_id, p_http_status::text, p_agent_id, p_status, p_mode];
    -- A key and a context have no index: they are compared alone, with rows that are read by another filter or by time.
    v_compare := num_nonnulls(p_trace_id, p_user_id, p_http_status, p_agent_id, p_status, p_mode) > 1
        OR num_nonnulls(p_api_key_id, p_context) > 0;
    IF v_column IS NOT NULL THEN
        -- By any other filter most rows that are read could be hidden ones.
        v_values := ARRAY(SELECT CASE c.name WHEN v_column THEN v_values[c.number] END FROM unnest(c_columns) WITH ORDINALITY AS c (name, number));
    END IF;
    reached_time := p_after_time;
    reached_id := p_after_id;
    LOOP
        v_by := NULL;
        FOR v_number IN 1..6 LOOP
            CONTINUE WHEN v_values[v_number] IS NULL;
            -- Records that share their time span none: then the filters take turns, which costs at most twice as much.
            IF v_by IS NULL
               OR v_seconds[v_number] * v_counts[v_by] > v_seconds[v_by] * v_counts[v_number]
               OR (v_seconds[v_number] * v_counts[v_by] = v_seconds[v_by] * v_counts[v_number]
                   AND v_counts[v_number] < v_counts[v_by])
            THEN
                v_by := v_number;
            END IF;
        END LOOP;
        v_part := audit.keyset_page(
            p_tenant_id, c_columns[v_by], v_values[v_by], reached_time, reached_id, p_last_time, p_last_id, v_rows, p_order);
        IF NOT v_compare THEN
            page := v_part;
        ELSE
            page := page || ARRAY(
                SELECT l FROM unnest(v_part) AS l
                WHERE (p_agent_id IS NULL OR l.agent_id = p_agent_id)
                  AND (p_trace_id IS NULL OR l.trace_id = p_trace_id)
                  AND (p_user_id IS NULL OR l.user_id = p_user_id)
                  AND (p_mode IS NULL OR l.mode = p_mode)
                  AND (p_status IS NULL OR l.status = p_status)
                  AND (p_http_status IS NULL OR l.http_status = p_http_status)
                  AND (p_api_key_id IS NULL OR l.api_key_id = p_api_key_id)
                  AND (p_context IS NULL OR NOT EXISTS (
                        SELECT FROM unnest(v_names) AS w (name)
                        WHERE l.context::json ->> w.name IS DISTINCT FROM p_context ->> w.name)));
        END IF;

        IF cardinality(v_part) < v_rows THEN
            reached_time := NULL;
            reached_id := NULL;
            EXIT;
        END IF;
        reached_time := v_part[v_rows].created_at;
        reached_id := v_part[v_rows].id;
        v_read := v_read + v_rows;
        EXIT WHEN cardinality(page) >= p_rows OR v_read >= p_read;

        IF clock_timestamp() >= v_until THEN
            RAISE EXCEPTION 'the filters together take too long'
                USING ERRCODE = 'query_canceled', HINT = 'Give start_time or end_time, or export the records.';
        END IF;
        IF v_by IS NOT NULL THEN
            v_counts[v_by] := v_counts[v_by] + v_rows;
            v_seconds[v_by] := v_seconds[v_by] + abs(extract(epoch FROM reached_time - v_part[1].created_at));
        END IF;
        v_rows := least(greatest(v_read, p_rows), 1000);
    END LOOP;

    IF cardinality(page) > p_rows THEN
        page := page[1:p_rows];
        reached_time := page[p_rows].created_at;
        reached_id := page[p_rows].id;
    END IF;
END
$$;

COMMENT ON FUNCTION audit.filtered_page IS
    'page: the next rows of audit.keyset_page() that pass every filter that is not NULL, p_rows at most. It ends with fewer where the '
    'list ends, or once p_read rows were read (NULL: no matter how many, for four seconds; then 57014). reached_time, reached_id: the '
    'position to go on after; NULL where the list ends. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.filtered_page FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.filtered_page TO audit_trusted;
