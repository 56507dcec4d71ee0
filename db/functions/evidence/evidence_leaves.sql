-- The next lines of an evidence bundle that stand for leaves: a page of them, or the subtrees that are not shown; the line that an epoch
-- begins with before its first leaf, and its checkpoint after its last. A statement of a prune or an erasure that names leaves which are shown is
-- shown too.

CREATE OR REPLACE FUNCTION audit.evidence_leaves(p_tenant_id text, p_state jsonb, p_leaves int, OUT text text, OUT state jsonb)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_position int := p_state ->> 'position';
    v_told     jsonb := p_state -> 'epochs' -> v_position;
    v_epoch    int := v_told ->> 'epoch';
    v_size     bigint := v_told ->> 'size';
    v_first    bigint := v_told ->> 'first';   -- leaves that are shown; NULL: none
    v_last     bigint := v_told ->> 'last';
    v_leaf     bigint := p_state ->> 'leaf';
    v_count    bigint := p_state ->> 'count';
    v_end      bigint;
    v_gone     record;
    v_page     record;
    v_note     text;
BEGIN
    -- A state that somebody has made up might never end.
    IF NOT coalesce(v_leaf BETWEEN 0 AND v_size AND v_count >= 0, false) THEN
        RAISE EXCEPTION 'no export is under way in this transaction' USING ERRCODE = 'RF003', COLUMN = 'state',
            HINT = 'Call audit.begin_export(), and audit.continue_export() with what it returns.';
    END IF;
    text := CASE WHEN v_leaf = 0 THEN concat('{"epoch":', v_epoch, ',"size":', v_size, E'}\n') ELSE '' END;

    IF v_leaf < v_size THEN
        IF v_leaf BETWEEN v_first AND v_last THEN
            -- To the end of a tile: one that is pruned before the next call is told whole.
            v_end := least((v_leaf + p_leaves + 255) >> 8 << 8, v_last + 1);
        ELSIF v_leaf = 0 AND v_epoch > 1 THEN   -- the statement that links it to the epoch before
            v_end := 1;
        END IF;
        IF v_end IS NULL THEN
            v_gone := audit.next_gone_statement(p_tenant_id, v_epoch, v_leaf, CASE WHEN v_leaf < v_first THEN v_first ELSE v_size END, p_state -> 'epochs');
            IF v_gone.leaf = v_leaf THEN
                v_end := v_leaf + 1;
            END IF;
        END IF;
        IF v_end IS NOT NULL THEN
            -- Lines of statements may be long: after a megabyte of them the page ends. A tile that has one is not folded.
            SELECT least(min(said.leaf_index) + 1, v_end) INTO v_end
            FROM (
                SELECT s.leaf_index, sum(octet_length(s.line)) OVER (ORDER BY s.leaf_index) AS bytes
                FROM audit.seals AS s
                WHERE s.tenant_id = p_tenant_id AND s.epoch = v_epoch AND s.leaf_index >= v_leaf AND s.leaf_index < v_end
                  AND s.line IS NOT NULL) AS said
            WHERE said.bytes > 1048576;
            v_page := audit.evidence_page(p_tenant_id, v_epoch, v_leaf, v_end);
            text := text || v_page.text;
            v_count := v_count + v_page.records;
        ELSE
            v_end := least(CASE WHEN v_leaf < v_first THEN v_first ELSE v_size END, coalesce(v_gone.leaf, v_gone.seen + 1));
            SELECT coalesce(min(cut::bigint), v_end) INTO v_end
            FROM jsonb_array_elements(nullif(v_told -> 'cuts', 'null')) AS cut WHERE cut::bigint > v_leaf AND cut::bigint < v_end;
            text := text || audit.omitted_lines(p_tenant_id, v_epoch, v_leaf, v_end);
        END IF;
        v_leaf := v_end;
    END IF;

    IF v_leaf = v_size THEN
        SELECT c.note INTO v_note
        FROM audit.checkpoints AS c
        WHERE c.tenant_id = p_tenant_id AND c.epoch = v_epoch AND c.size = (v_told ->> 'signed')::bigint;
        text := text || concat('{"checkpoint":', coalesce(to_json(v_note)::text, 'null'), E'}\n');
        v_position := v_position + 1;
        v_leaf := 0;
        IF v_position = jsonb_array_length(p_state -> 'epochs') THEN
            -- A file without this line is incomplete.
            text := text || concat('{"complete":true,"records":', v_count, E'}\n');
            RETURN;
        END IF;
    END IF;
    state := p_state || jsonb_build_object('position', v_position, 'leaf', v_leaf, 'count', v_count);
END
$$;

COMMENT ON FUNCTION audit.evidence_leaves IS
    'text: lines for p_leaves leaves that are shown and those to the end of their tile of 256, or for those that are omitted before the next that is shown or the next size '
    'that the reader compares; state: for those after them, NULL after the last line of the bundle. RF009 when the stored tree lacks a hash. '
    'Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.evidence_leaves FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.evidence_leaves TO audit_trusted;
