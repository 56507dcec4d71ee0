-- Where a reader of the feed goes on: the epoch and the leaf of a position, which names the last leaf that the reader has, by a part of its
-- hash. A tree that was restored may have another leaf there, or none: then the reader has seen what the tree has lost, and what has come
-- in its place would be passed over.

CREATE OR REPLACE FUNCTION audit.feed_position(p_tenant_id text, p_after text, OUT epoch int, OUT leaf bigint)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- epoch, leaf, and the first 16 digits of the hash of the leaf before
    v_parts  text[] := regexp_match(p_after, '^([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,17})(?:\.([0-9a-f]{16}))?$');
    v_first  int;
    v_size   bigint;
    v_hash   bytea;
    v_signed text;
BEGIN
    IF p_after IS NOT NULL AND v_parts IS NULL THEN
        RAISE EXCEPTION 'after is the position that an answer of the feed ends with' USING ERRCODE = 'RF003', COLUMN = 'after';
    END IF;
    SELECT min(t.epoch) INTO v_first FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id;
    -- A caller that has set an unregistered name must not mistake it for an empty feed.
    IF v_first IS NULL AND NOT EXISTS (SELECT FROM audit.tenants AS t WHERE t.id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;
    epoch := coalesce(v_parts[1]::int, v_first, 1);
    leaf := coalesce(v_parts[2]::bigint, 0);

    SELECT t.size INTO v_size FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = feed_position.epoch;
    IF v_size IS NULL AND epoch = 1 AND leaf = 0 THEN   -- nothing is sealed yet
        RETURN;
    END IF;
    IF leaf <= v_size THEN
        -- Of a tile of leaves that are all pruned the hashes are gone, and nothing can be compared.
        SELECT s.leaf_hash INTO v_hash
        FROM audit.seals AS s
        WHERE s.tenant_id = p_tenant_id AND s.epoch = feed_position.epoch AND s.leaf_index = feed_position.leaf - 1;
        IF v_hash IS NULL OR v_parts[3] IS NULL OR left(encode(v_hash, 'hex'), 16) = v_parts[3] THEN
            RETURN;
        END IF;
    ELSIF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'not sealed yet' USING ERRCODE = 'RF010', DETAIL = 'this standby has not received the position yet', HINT = 'Ask the primary.';
    END IF;

    -- The signer signs no tree that contradicts what it has signed before, so up to its last signature both have the same leaves.
    SELECT concat(c.epoch, '.', c.size)
    INTO v_signed
    FROM audit.checkpoints AS c
    JOIN audit.trees AS t ON t.tenant_id = c.tenant_id AND t.epoch = c.epoch AND c.size <= t.size
    WHERE c.tenant_id = p_tenant_id AND (c.epoch, c.size) <= (feed_position.epoch, feed_position.leaf)
    ORDER BY c.epoch DESC, c.size DESC LIMIT 1;
    RAISE EXCEPTION 'the feed has not what was read before this position: the database was restored'
        USING ERRCODE = 'RF013', DETAIL = coalesce(v_signed, concat(coalesce(v_first, 1), '.0')),
              HINT = 'Go on after the position in DETAIL. Records after it come again, those that were lost do not.';
END
$$;

COMMENT ON FUNCTION audit.feed_position IS
    'Epoch and first leaf after a position of the tenant''s feed; NULL: the beginning. RF002 when the tenant is not registered, RF003 when it '
    'is no position, RF010 on a standby that is behind it, RF013 when the tree has another leaf before it, or ends before it: DETAIL is the '
    'position of the last checkpoint before. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.feed_position FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.feed_position TO audit_trusted;
