-- set_config() for a transaction that has a part on other nodes: Citus hands on SET LOCAL, and nothing that set_config() does.

CREATE OR REPLACE FUNCTION audit.set_on_nodes(p_name text, p_value text, p_is_local boolean)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET citus.propagate_set_commands = 'local'
AS $$
BEGIN
    -- A name is no value and cannot be quoted as one: only these. false would outlive the transaction in a pooled session.
    IF p_name <> ALL (ARRAY['app.tenant_id', 'app.scopes', 'app.proof', 'app.scope', 'app.restriction']) OR p_is_local IS NOT TRUE THEN
        RAISE EXCEPTION 'audit.set_on_nodes() sets what a proof and the policies read, for one transaction' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('SET LOCAL %s TO %L', p_name, coalesce(p_value, ''));
    RETURN coalesce(p_value, '');
END
$$;

COMMENT ON FUNCTION audit.set_on_nodes IS
    'Sets app.tenant_id, app.scopes, app.proof, app.scope or app.restriction for this transaction, here and on every node that has or will have '
    'a part in it. 22023 for another name, and for anything but a transaction. It gives a caller nothing that SET LOCAL does not.';
REVOKE ALL ON FUNCTION audit.set_on_nodes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.set_on_nodes TO audit_trusted, audit_keyed, audit_keeper;
