-- What no administrator may go below. Only audit_owner may call it: a DBA, after SET ROLE audit_owner.

CREATE OR REPLACE FUNCTION audit.set_retention_rules(p_live_floor_days int, p_release_by_two boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE audit.retention_rules AS r SET live_floor_days = p_live_floor_days, release_by_two = p_release_by_two;
    PERFORM audit.record_admin_event('retention rules set', NULL, NULL, jsonb_build_object(
        'live_floor_days', p_live_floor_days, 'release_by_two', p_release_by_two));
END
$$;

COMMENT ON FUNCTION audit.set_retention_rules IS
    'Sets how many days LIVE records are kept at least, and whether two logins are needed to release a legal hold. 23502 when one is '
    'missing, 23514 when the floor is out of range. Records the act "retention rules set". Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.set_retention_rules FROM PUBLIC;
