-- tap_signer: the signer's login, as an operator makes one. pg_temp.sign(): stores a checkpoint of a tenant's tree, as the signer would,
-- with a signature that is none; its size is the newest, or p_size.

\ir tap.sql
CREATE ROLE tap_signer LOGIN IN ROLE audit_signer;
CREATE FUNCTION pg_temp.note(p_tenant_id text, p_epoch int, p_size bigint, p_root bytea) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('/', 'tap.example', p_tenant_id, CASE WHEN p_epoch > 1 THEN p_epoch END)
        || E'\n' || p_size || E'\n' || encode(p_root, 'base64') || E'\n\n— tap.example/' || p_tenant_id || E' AAAA\n'
$$;
CREATE FUNCTION pg_temp.sign(p_tenant_id text, p_epoch int DEFAULT 1, p_size bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_size bigint := coalesce(p_size, (SELECT size FROM audit.trees WHERE tenant_id = p_tenant_id AND epoch = p_epoch));
    v_root bytea := audit.root_of_size(p_tenant_id, p_epoch, v_size);
    v_note text := pg_temp.note(p_tenant_id, p_epoch, v_size, v_root);
BEGIN
    PERFORM audit.store_checkpoint(p_tenant_id, p_epoch, v_size, v_root, v_note);
    RETURN v_note;
END
$$;
