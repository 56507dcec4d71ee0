-- Trees that are made by hand, as the superuser: pg_temp.grow() appends leaves with lines of its own, as 'leaf 0 of tap-a/1', and
-- stores the nodes that audit.seal_nodes has to hold. pg_temp.mth() is the hash of RFC 6962, in the words of its formula.

CREATE FUNCTION pg_temp.mth(p_leaves bytea[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    v_k int := 1;
BEGIN
    IF cardinality(p_leaves) = 0 THEN
        RETURN sha256('');
    ELSIF cardinality(p_leaves) = 1 THEN
        RETURN p_leaves[1];
    END IF;
    WHILE v_k * 2 < cardinality(p_leaves) LOOP
        v_k := v_k * 2;
    END LOOP;
    RETURN sha256('\x01'::bytea || pg_temp.mth(p_leaves[:v_k]) || pg_temp.mth(p_leaves[v_k + 1:]));
END
$$;
CREATE FUNCTION pg_temp.leaf_hashes(p_tenant_id text, p_epoch int, p_size bigint) RETURNS bytea[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(leaf_hash ORDER BY leaf_index), '{}') FROM audit.seals
    WHERE tenant_id = p_tenant_id AND epoch = p_epoch AND leaf_index < p_size
$$;
CREATE FUNCTION pg_temp.grow(p_tenant_id text, p_epoch int, p_leaves int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_size bigint;
BEGIN
    INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at)
    VALUES (p_tenant_id, p_epoch, 0, sha256(''), '', now()) ON CONFLICT DO NOTHING;
    SELECT size INTO v_size FROM audit.trees WHERE tenant_id = p_tenant_id AND epoch = p_epoch;
    INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line)
    SELECT p_tenant_id, p_epoch, n, sha256('\x00'::bytea || convert_to(l.line, 'UTF8')), l.line
    FROM generate_series(v_size, v_size + p_leaves - 1) AS n
    CROSS JOIN LATERAL (SELECT format('leaf %s of %s/%s', n, p_tenant_id, p_epoch)) AS l (line);
    INSERT INTO audit.seal_nodes (tenant_id, epoch, level, node_index, hash)
    SELECT p_tenant_id, p_epoch, 1, n, pg_temp.mth((pg_temp.leaf_hashes(p_tenant_id, p_epoch, 256 * n + 256))[256 * n + 1:])
    FROM generate_series(v_size / 256, (v_size + p_leaves) / 256 - 1) AS n;
    UPDATE audit.trees SET size = v_size + p_leaves, root = pg_temp.mth(pg_temp.leaf_hashes(p_tenant_id, p_epoch, v_size + p_leaves))
    WHERE tenant_id = p_tenant_id AND epoch = p_epoch;
END
$$;
-- The formulas of RFC 6962, 2.1.1 and 2.1.2: pg_temp.path() is an inclusion proof, pg_temp.subproof() with true a consistency proof.
CREATE FUNCTION pg_temp.path(m int, d bytea[]) RETURNS bytea[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    k int := 1;
BEGIN
    IF cardinality(d) = 1 THEN
        RETURN '{}';
    END IF;
    WHILE k * 2 < cardinality(d) LOOP
        k := k * 2;
    END LOOP;
    RETURN CASE WHEN m < k THEN pg_temp.path(m, d[:k]) || pg_temp.mth(d[k + 1:])
                ELSE pg_temp.path(m - k, d[k + 1:]) || pg_temp.mth(d[:k]) END;
END
$$;
CREATE FUNCTION pg_temp.subproof(m int, d bytea[], b boolean) RETURNS bytea[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    k int := 1;
BEGIN
    IF cardinality(d) = m THEN
        RETURN CASE WHEN b THEN '{}' ELSE ARRAY[pg_temp.mth(d)] END;
    END IF;
    WHILE k * 2 < cardinality(d) LOOP
        k := k * 2;
    END LOOP;
    RETURN CASE WHEN m <= k THEN pg_temp.subproof(m, d[:k], b) || pg_temp.mth(d[k + 1:])
                ELSE pg_temp.subproof(m - k, d[k + 1:], false) || pg_temp.mth(d[:k]) END;
END
$$;
