-- Sleeps within a prune twice as long as its last steps took, so that writers find the processor and the write-ahead log free every few milliseconds.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.rest_after(p_since timestamptz, p_until timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    -- A sleep takes a millisecond at least: after a step that took less, it would be most of the time.
    IF v_now - p_since < interval '2 ms' OR v_now >= p_until THEN
        RETURN p_since;
    END IF;
    -- A clock that is set may jump.
    PERFORM pg_sleep(least(2 * extract(epoch FROM v_now - p_since), 0.1));
    RETURN clock_timestamp();
END
$$;

COMMENT ON FUNCTION audit.rest_after IS
    'Sleeps for twice the time since p_since, at most a tenth of a second, and returns the time at which the next step begins. Where that time is less than '
    '2 milliseconds, or p_until is over, it does not sleep and returns p_since: the next step is added. Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.rest_after FROM PUBLIC;
SET ROLE audit_owner;
