-- The leaf of a record, for functions that prove it: nothing where the tenant has no such record, an error where it is not sealed yet.

CREATE OR REPLACE FUNCTION audit.leaf_of_record(p_tenant_id text, p_id uuid, OUT epoch int, OUT leaf_index bigint)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT s.epoch, s.leaf_index
    INTO leaf_of_record.epoch, leaf_of_record.leaf_index
    FROM audit.seals AS s
    WHERE s.tenant_id = p_tenant_id AND s.record_id = p_id;
    IF FOUND THEN
        RETURN;
    END IF;
    -- The id of another tenant's record is answered like an unused one: neither is found here.
    IF EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.id = p_id AND l.tenant_id = p_tenant_id) THEN
        RAISE EXCEPTION 'not sealed yet' USING ERRCODE = 'RF010', DETAIL = 'the record has no leaf yet',
            HINT = 'Records are sealed within seconds, once the transactions that began before them have ended. Try again.';
    END IF;
    -- A caller that has set an unregistered name must not conclude that the record was never written.
    IF NOT EXISTS (SELECT FROM audit.tenants AS t WHERE t.id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002', HINT = 'audit.create_tenant() registers one.';
    END IF;
END
$$;

COMMENT ON FUNCTION audit.leaf_of_record IS
    'Epoch and index of the leaf of the tenant''s record with this id; NULL when the tenant has no such record. RF002 when it is not '
    'registered, RF010 when the record is not sealed yet. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.leaf_of_record FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.leaf_of_record TO audit_trusted;
