-- Closes the coordinator to every login while its functions change: a proof of one kind of function means nothing to the other, and a list would be
-- empty where it should be refused. audit_keeper acts in functions alone.
DO $$
BEGIN
    IF to_regnamespace('audit') IS NOT NULL THEN
        REVOKE USAGE ON SCHEMA audit FROM audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_retention, audit_eraser;
    END IF;
END
$$;
