-- LISTENs to a notification that audit.seal_records() sends when it has sealed records of some tenant, so that a reader of a feed who waits
-- for news asks again. A session on a standby cannot LISTEN, and a pooler delivers no notification, so readers also ask again after some seconds.

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
