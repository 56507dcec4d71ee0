-- tap_sealer: a login of a job that seals, as an operator makes one. pg_temp.sealable(): records as they are once their transactions have
-- ended: a record of this very transaction is not below the horizon, so they get numbers from long ago.

\ir tap.sql
CREATE ROLE tap_sealer LOGIN IN ROLE audit_sealer;
CREATE FUNCTION pg_temp.sealable(p_tenant_id text, p_count int, p_xid xid8 DEFAULT '5') RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at, recorded_xid)
    SELECT gen_random_uuid(), p_tenant_id, 'agent', '2026-01-01 00:00:00+00', p_xid FROM generate_series(1, p_count)
$$;
-- The root of RFC 6962, straight from its definition: of leaf hashes, in order.
CREATE FUNCTION pg_temp.merkle_root(p_hashes bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    v_count int := cardinality(p_hashes);
    v_split int := 1;
BEGIN
    IF v_count = 0 THEN
        RETURN sha256('');
    ELSIF v_count = 1 THEN
        RETURN p_hashes[1];
    END IF;
    WHILE v_split * 2 < v_count LOOP
        v_split := v_split * 2;
    END LOOP;
    RETURN sha256('\x01'::bytea || pg_temp.merkle_root(p_hashes[1:v_split]) || pg_temp.merkle_root(p_hashes[v_split + 1:v_count]));
END
$$;
CREATE FUNCTION pg_temp.leaves(p_tenant_id text, p_epoch int DEFAULT 1, p_first int DEFAULT 0, p_count int DEFAULT NULL)
RETURNS bytea[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(s.leaf_hash ORDER BY s.leaf_index), '{}') FROM audit.seals AS s
    WHERE s.tenant_id = p_tenant_id AND s.epoch = p_epoch AND s.leaf_index >= p_first
      AND (p_count IS NULL OR s.leaf_index < p_first + p_count)
$$;
