-- Sleeps within a prune as long as its last step took, so that writers find the processor and the write-ahead log free every few milliseconds.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.rest_as_long(p_since timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A clock that is set may jump.
    PERFORM pg_sleep(least(extract(epoch FROM clock_timestamp() - p_since), 0.1));
    RETURN clock_timestamp();
END
$$;

COMMENT ON FUNCTION audit.rest_as_long IS
    'Sleeps for the time since p_since, at most a tenth of a second, and returns the time at which the next step begins. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.rest_as_long FROM PUBLIC;
SET ROLE audit_owner;
