-- Appends records to a tree, in the order given: a salt and a leaf for each. It refuses a tree that contradicts itself: leaves on top of a
-- forged tree would lend it the next signature.

CREATE OR REPLACE FUNCTION audit.append_records(p_tenant_id text, p_epoch int, p_logs audit.listed_audit_log[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_size   bigint := audit.intact_size(p_tenant_id, p_epoch);
    v_hashes bytea;
BEGIN
    -- A UUID of version 4 has 122 random bits, from the server's strong source. The seed has 256, and so has each salt that is derived
    -- from it; it is kept nowhere, and no salt leads to it or to another. A UUID for each salt would cost as much as all the rest.
    WITH seed AS MATERIALIZED (
        SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) AS bytes
    ), leaf AS (
        INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, record_id, salt)
        SELECT p_tenant_id, p_epoch, v_size + given.place - 1,
               sha256(decode('00', 'hex') || convert_to(audit.record_leaf_line(given.log, encode(
                   sha256(convert_to(audit.private_leaf_line(given.log, given.salt), 'UTF8')), 'hex')), 'UTF8')),
               (given.log).id, given.salt
        FROM (
            SELECT numbered.log, numbered.place, sha256(seed.bytes || int8send(numbered.place)) AS salt
            FROM (SELECT logs AS log, row_number() OVER () AS place FROM unnest(p_logs) AS logs) AS numbered
            CROSS JOIN seed) AS given
        RETURNING leaf_index, leaf_hash
    )
    SELECT string_agg(leaf.leaf_hash, ''::bytea ORDER BY leaf.leaf_index) INTO v_hashes FROM leaf;

    PERFORM audit.append_leaves(p_tenant_id, p_epoch, v_hashes);
END
$$;

COMMENT ON FUNCTION audit.append_records IS
    'Seals records of the tenant that is proven with the scope seal, in this order. RF009 when the tree contradicts itself. The caller '
    'has locked the tree. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.append_records FROM PUBLIC;
