-- Replaces the secret that proofs are made with. Proofs of running transactions hold: the secret before still checks.

CREATE OR REPLACE FUNCTION audit.rotate_proof_secret()
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_id bigint := (SELECT max(s.id) FROM audit.proof_secrets AS s);
BEGIN
    DELETE FROM audit.proof_secrets AS s WHERE s.id < v_id;
    INSERT INTO audit.proof_secrets (id, inner_key, outer_key, created_at)
    SELECT v_id + 1,
           uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
           uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
           now();
    PERFORM audit.record_admin_event('proof secret rotated', NULL, NULL);
    RETURN v_id + 1;
END
$$;

COMMENT ON FUNCTION audit.rotate_proof_secret IS
    'Makes a new secret and returns its number. A transaction that entered its tenant before goes on; its proof ends within '
    'five seconds anyway. Two rotations within five seconds could end one early: it is then refused, never believed. '
    'SECURITY DEFINER: nobody may read the secret.';
REVOKE ALL ON FUNCTION audit.rotate_proof_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.rotate_proof_secret TO audit_admin;
