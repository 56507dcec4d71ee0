-- Stores what the signer has signed, once the tree is seen to have that root: tenants get their checkpoints, and the proofs that lead to
-- them, from here.

CREATE OR REPLACE FUNCTION audit.store_checkpoint(p_tenant_id text, p_epoch int, p_size bigint, p_root bytea, p_note text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_size   bigint;
    v_suffix text := '/' || concat_ws('/', p_tenant_id, CASE WHEN p_epoch > 1 THEN p_epoch END);   -- of the origin
    v_lines  text[] := string_to_array(p_note, E'\n');   -- origin, size, root, an empty line, signatures
BEGIN
    v_size := audit.enter_tree_to_sign(p_tenant_id, p_epoch);
    IF p_size IS NULL OR p_size NOT BETWEEN 1 AND v_size THEN
        RAISE EXCEPTION 'size is a number from 1 to the size of the tree' USING ERRCODE = 'RF003', COLUMN = 'size';
    ELSIF p_root IS DISTINCT FROM audit.root_of_size(p_tenant_id, p_epoch, p_size) THEN
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009',
            DETAIL = format('epoch %s has another root at size %s than was signed', p_epoch, p_size);
    END IF;
    -- So that no note of another tenant, epoch or size is handed out as this one. The signature is for the verifier to check.
    IF NOT coalesce(
        cardinality(v_lines) >= 5 AND right(v_lines[1], length(v_suffix)) = v_suffix AND v_lines[2] = p_size::text
        AND v_lines[3] = encode(p_root, 'base64') AND v_lines[4] = '', false)
    THEN
        RAISE EXCEPTION 'the note is not of this tenant, epoch, size and root' USING ERRCODE = 'RF003', COLUMN = 'note';
    END IF;

    -- An earlier user of a pooled session may have left it with less. A checkpoint leaves the house after it is on the disk.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at)
    VALUES (p_tenant_id, p_epoch, p_size, p_root, p_note, clock_timestamp())
    ON CONFLICT ON CONSTRAINT checkpoints_pkey DO NOTHING;   -- a retry after a lost connection stores once
    IF NOT FOUND THEN
        -- Here the note is committed; on the standby it may not be, when the first COMMIT was cut off while it waited for one. That of a
        -- repetition waits only if it has written something.
        PERFORM pg_logical_emit_message(true, 'ringfence', '');
    END IF;
    PERFORM audit.leave_tenant();
END
$$;

COMMENT ON FUNCTION audit.store_checkpoint IS
    'Stores a signed note (C2SP tlog-checkpoint) for a size of a tenant''s tree. Repeating a call changes nothing; the first note of a size '
    'stays. Commit before the note goes anywhere else. RF002 when the tenant is not registered, RF003 when epoch, size or note is refused, '
    'RF009 when the tree does not have that root. SECURITY DEFINER: nobody but audit_owner may write checkpoints.';
REVOKE ALL ON FUNCTION audit.store_checkpoint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.store_checkpoint TO audit_signer;
