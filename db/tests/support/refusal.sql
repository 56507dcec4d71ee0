-- pg_temp.refusal(): everything that a refused call tells its caller, in one line; 'accepted' when it was not refused.

CREATE FUNCTION pg_temp.refusal(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_message text; v_detail text; v_hint text; v_column text; v_constraint text; v_table text;
BEGIN
    EXECUTE p_call;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT,
        v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME, v_table = TABLE_NAME;
    RETURN array_to_string(array_remove(ARRAY[SQLSTATE, v_message, v_detail, v_hint, v_column, v_constraint, v_table], ''), '|');
END
$$;
