-- What a refusal is about, in words: the comment of the constraint that was broken. So that app/admin knows no rule itself.

CREATE OR REPLACE FUNCTION audit.rule_in_words(p_constraint text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT obj_description(c.oid, 'pg_constraint')
        FROM pg_constraint AS c
        WHERE c.connamespace = 'audit'::regnamespace AND c.conname = p_constraint);
END
$$;

COMMENT ON FUNCTION audit.rule_in_words IS
    'The rule that a constraint of schema audit holds, as a sentence. NULL: there is none of this name.';
REVOKE ALL ON FUNCTION audit.rule_in_words FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.rule_in_words TO audit_admin;
