-- What a record carries for evidence: when the server wrote it, in which transaction, with which key, and what the caller says about it.
-- The defaults are set after the columns are added: a volatile default would rewrite the table, and a stable one would give every row
-- from before the number of this transaction. Rows from before keep NULL.

-- In the schema files, since a CHECK calls it. db/functions/record/is_context.sql has the same body.
CREATE FUNCTION audit.is_context(p_context json)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN octet_length(p_context::text) <= 4096;
END
$$;

-- squawk-ignore ban-alter-domain-with-add-constraint
ALTER TABLE audit.audit_logs
    ADD COLUMN recorded_at timestamptz,
    ADD COLUMN recorded_xid xid8,
    ADD COLUMN api_key_id text,
    ADD COLUMN context json;
ALTER TABLE audit.audit_logs
    ALTER COLUMN recorded_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN recorded_xid SET DEFAULT pg_current_xact_id(),
    ALTER COLUMN api_key_id SET DEFAULT nullif(split_part(current_setting('app.proof', true), ':', 2), '');
