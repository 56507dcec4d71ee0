-- The feed of the transaction's tenant: its sealed records, in the order of its tree, which has no gap and never changes. A reader who keeps
-- the position that an answer ends with, and asks for what comes after it, loses and doubles nothing. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.read_feed(p_after text DEFAULT NULL, p_limit int DEFAULT 1000, p_format text DEFAULT 'ringfence')
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_leaves    CONSTANT int := 1000;      -- of one page
    c_bytes     CONSTANT int := 4194304;   -- of one answer, but for its last page
    v_tenant_id text := audit.required_tenant('read');
    v_epoch     int;
    v_leaf      bigint;
    v_next      int;
    v_page      record;
    v_texts     text[]  := '{}';
    v_lines     int     := 0;
    v_bytes     bigint  := 0;
    v_has_more  boolean := true;
    v_hash      bytea;
    v_note      text;
    v_until     timestamptz := clock_timestamp() + interval '1 second';   -- less than a proof lasts
BEGIN
    IF NOT has_any_column_privilege('audit.seals', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.read_proven_feed(p_after, p_limit, p_format);
    END IF;
    IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'limit is a number from 1 to 10000' USING ERRCODE = 'RF003', COLUMN = 'limit';
    ELSIF p_format IS NULL OR p_format NOT IN ('ringfence', 'ocsf', 'cloudevents') THEN
        RAISE EXCEPTION 'format is ringfence, ocsf or cloudevents' USING ERRCODE = 'RF003', COLUMN = 'format';
    END IF;

    SELECT f.epoch, f.leaf INTO v_epoch, v_leaf FROM audit.feed_position(v_tenant_id, p_after) AS f;
    LOOP
        v_page := audit.feed_page(v_tenant_id, v_epoch, v_leaf, least(c_leaves, p_limit - v_lines), p_format);
        IF v_page.leaves = 0 THEN
            SELECT min(t.epoch) INTO v_next FROM audit.trees AS t WHERE t.tenant_id = v_tenant_id AND t.epoch > v_epoch;
            IF v_next IS NULL THEN
                v_has_more := false;
                EXIT;
            END IF;
            v_epoch := v_next;
            v_leaf := 0;
        ELSE
            v_texts := v_texts || v_page.text;
            v_lines := v_lines + v_page.lines;
            v_bytes := v_bytes + octet_length(v_page.text);
            v_leaf := v_page.last_leaf + 1;
            EXIT WHEN v_lines >= p_limit OR v_bytes >= c_bytes OR clock_timestamp() >= v_until;
        END IF;
    END LOOP;

    SELECT s.leaf_hash INTO v_hash
    FROM audit.seals AS s WHERE s.tenant_id = v_tenant_id AND s.epoch = v_epoch AND s.leaf_index = v_leaf - 1;
    SELECT c.note INTO v_note FROM audit.checkpoints AS c WHERE c.tenant_id = v_tenant_id ORDER BY c.epoch DESC, c.size DESC LIMIT 1;
    -- An answer without this line is incomplete.
    RETURN array_to_string(v_texts, '') || concat(
        '{"position":"', v_epoch, '.', v_leaf, '.' || left(encode(v_hash, 'hex'), 16), '","count":', v_lines,
        ',"has_more":', CASE WHEN v_has_more THEN 'true' ELSE 'false' END, ',"checkpoint":', coalesce(to_json(v_note)::text, 'null'), E'}\n');
END
$$;

COMMENT ON FUNCTION audit.read_feed IS
    'Lines of JSON for the leaves of the transaction''s tenant after p_after, a position (NULL: from the first), p_limit at most, and a last '
    'line: position, count, has_more (there may be more already), checkpoint (the newest; null before the first). p_format: ringfence, '
    'or ocsf or cloudevents: as audit.ocsf_event() and audit.cloud_event() have a record, and no statements. '
    'RF001 when no tenant is set or proven, RF002 when it is not registered, RF003 when an argument is refused, RF006 when the key may not '
    'read, RF010 on a standby that is behind the position, RF013 when the tree no longer has what was read before it: DETAIL says after '
    'which position to go on.';
REVOKE ALL ON FUNCTION audit.read_feed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.read_feed TO audit_trusted, audit_keyed;
