-- Lets a file of pgTAP tests end at its first failure: a weakening is noticed then, and the rest would tell nothing more. As a cancellation:
-- neither pgTAP's handlers nor WHEN OTHERS in a test catch one.

ALTER FUNCTION tap.ok(boolean, text) RENAME TO ok_of_pgtap;
CREATE FUNCTION tap.ok(p_passed boolean, p_description text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF p_passed IS NOT TRUE THEN
        RAISE EXCEPTION 'not ok: %', p_description USING ERRCODE = 'query_canceled';
    END IF;
    RETURN tap.ok_of_pgtap(p_passed, p_description);
END
$$;
