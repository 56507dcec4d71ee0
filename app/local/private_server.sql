-- What `make run` adds to a migrated database on its private server: the service there proves its tenants with API keys,
-- also when an older release had it name them.

GRANT audit_keyed TO audit_app;
REVOKE audit_trusted FROM audit_app;

-- The login of the local signer.
DO $$
BEGIN
    IF to_regrole('ringfence_signer') IS NULL THEN
        CREATE ROLE ringfence_signer LOGIN IN ROLE audit_signer;
        COMMENT ON ROLE ringfence_signer IS 'Ringfence: the signer that make run starts.';
    END IF;
END
$$;
