-- Sets the transaction's tenant with a proof of it. Only functions that have checked the caller's right to the tenant call it: a
-- role that could call it could act as any tenant.

CREATE OR REPLACE FUNCTION audit.set_proven_tenant(p_secret_id text, p_tenant_id text, p_scopes text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- The entry is deleted by its place. While the table is small a scan of it looks cheaper, and the plan is kept. Not
-- enable_seqscan: where no other way is left it makes a plan look so expensive that the server compiles it.
SET seq_page_cost = 1000
AS $$
DECLARE
    v_place   tid;
    v_entry   xid;
    v_number  bigint;
    v_entered text := extract(epoch FROM clock_timestamp())::text;
BEGIN
    -- The number of this subtransaction, read from the row that it writes, and widened from 32 bits to the 64 of its transaction.
    INSERT INTO audit.tenant_entries AS e (backend_pid) VALUES (pg_backend_pid()) RETURNING e.ctid, e.xmin INTO v_place, v_entry;
    DELETE FROM audit.tenant_entries AS e WHERE e.ctid = v_place;
    v_number := pg_current_xact_id()::text::bigint;
    v_number := v_number + ((v_entry::text::bigint - v_number % 4294967296) + 4294967296) % 4294967296;

    -- No part can contain the separator. audit.proven_tenant() computes the same proof again.
    PERFORM set_config('app.tenant_id', p_tenant_id, true),
            set_config('app.scopes', p_scopes, true),
            set_config('app.proof', concat_ws(':', p_secret_id, v_number, v_entered, audit.tenant_proof(
                p_secret_id, p_tenant_id, p_scopes, v_number::text, v_entered)), true);
END
$$;

COMMENT ON FUNCTION audit.set_proven_tenant IS
    'Sets app.tenant_id, app.scopes and app.proof, made with the secret of that id, for this transaction. Nobody but audit_owner '
    'may call it: audit.enter_tenant() and audit.replay_audit_logs(), once they have checked the tenant.';
REVOKE ALL ON FUNCTION audit.set_proven_tenant FROM PUBLIC;
