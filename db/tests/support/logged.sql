-- How many records of the log a call writes, when it has been made before with all that it has to.
CREATE FUNCTION pg_temp.logged(p_call text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_plan json;
BEGIN
    FOR n IN 1 .. 3 LOOP   -- the first stores, and the second may note on the page that the first is committed
        EXECUTE 'EXPLAIN (ANALYZE, WAL, FORMAT JSON) ' || p_call INTO v_plan;
    END LOOP;
    RETURN v_plan -> 0 -> 'Plan' ->> 'WAL Records';
END
$$;
