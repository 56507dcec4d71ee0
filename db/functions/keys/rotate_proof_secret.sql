-- Replaces the secret that proofs are made with. Proofs of running transactions hold: the secret before checks for a while.

CREATE OR REPLACE FUNCTION audit.rotate_proof_secret()
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_id bigint;
BEGIN
    LOCK TABLE audit.proof_secrets IN SHARE ROW EXCLUSIVE MODE;   -- one rotation at a time; proofs go on
    DELETE FROM audit.proof_secrets AS s WHERE s.replaced_at < clock_timestamp() - interval '30 seconds';
    UPDATE audit.proof_secrets AS s SET replaced_at = clock_timestamp() WHERE s.replaced_at IS NULL;
    INSERT INTO audit.proof_secrets AS s (id, inner_key, outer_key, created_at)
    SELECT max(o.id) + 1,
           uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
           uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
           clock_timestamp()
    FROM audit.proof_secrets AS o
    RETURNING s.id INTO v_id;
    PERFORM audit.record_admin_event('proof secret rotated', NULL, NULL, jsonb_build_object('secret_id', v_id));
    RETURN v_id;
END
$$;

COMMENT ON FUNCTION audit.rotate_proof_secret IS
    'Makes a new secret and returns its number. Running transactions continue: the previous secret verifies proofs for '
    'thirty more seconds. SECURITY DEFINER: nobody may read the secret.';
REVOKE ALL ON FUNCTION audit.rotate_proof_secret FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.rotate_proof_secret TO audit_admin;
