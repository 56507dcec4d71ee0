-- The expression of a policy as it is on a single server, so that audit.isolation_report() compares it with the same forms.

CREATE OR REPLACE FUNCTION audit.in_sub_selects(p_expression text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN regexp_replace(
        regexp_replace(p_expression,
            '(?<! SELECT )\((audit\.(proven_restriction)\(''\w+''::text\))\)::timestamp with time zone',
            '( SELECT (\1)::timestamp with time zone AS \2)', 'g'),
        '(?<! SELECT )(?<! SELECT \()audit\.(proven_\w+)\((''\w+''::text|current_setting\(''app\.scope''::text, true\))\)',
        '( SELECT audit.\1(\2) AS \1)', 'g');
END
$$;

COMMENT ON FUNCTION audit.in_sub_selects IS
    'The expression with each call that checks a proof in a sub-select, as db/policies has it and Citus refuses it. For '
    'audit.findings_of_policies().';
REVOKE ALL ON FUNCTION audit.in_sub_selects FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.in_sub_selects TO audit_trusted, audit_keyed, audit_admin;
