-- Has this session told that records were sealed, of some tenant: a reader of a feed that had nothing new looks again then. A session on a
-- standby cannot listen, and one behind a pooler hears nothing: whoever waits looks again after some seconds too.

CREATE OR REPLACE FUNCTION audit.listen_to_sealing()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    LISTEN audit_sealed;
END
$$;

COMMENT ON FUNCTION audit.listen_to_sealing IS
    'LISTEN audit_sealed: audit.seal_records() notifies it, without a payload. Any role of the database may notify it too, so it is a hint and '
    'no more. Fails on a standby.';
REVOKE ALL ON FUNCTION audit.listen_to_sealing FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.listen_to_sealing TO audit_trusted, audit_keyed;
