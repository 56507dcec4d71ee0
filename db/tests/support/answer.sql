-- pg_temp.answer(): what a call returns, as text; where it is refused, its SQLSTATE, message and column in one line.

CREATE FUNCTION pg_temp.answer(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_answer text; v_message text; v_column text;
BEGIN
    EXECUTE 'SELECT ' || p_call INTO v_answer;
    RETURN coalesce(v_answer, 'NULL');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_column = COLUMN_NAME;
    RETURN concat_ws('|', SQLSTATE, v_message, nullif(v_column, ''));
END
$$;
