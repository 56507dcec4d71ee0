-- The peer that chains its records: the audit table, and a trigger that gives each row the hash of its tenant's row before.
-- The chain must not fork, so the writers of one tenant wait for each other until COMMIT.

CREATE SCHEMA peer;
GRANT USAGE ON SCHEMA peer TO audit_trusted;

CREATE TABLE peer.chained_logs (
    LIKE audit.audit_logs INCLUDING ALL,
    chain_number  bigint NOT NULL,
    previous_hash bytea,
    hash          bytea NOT NULL,
    UNIQUE (tenant_id, chain_number),
    FOREIGN KEY (tenant_id) REFERENCES audit.tenants (id));

ALTER TABLE peer.chained_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE peer.chained_logs FORCE ROW LEVEL SECURITY;
GRANT SELECT, INSERT ON peer.chained_logs TO audit_trusted;

CREATE POLICY trusted_reads_own_tenant ON peer.chained_logs
    FOR SELECT TO audit_trusted USING (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY trusted_appends_to_own_tenant ON peer.chained_logs
    FOR INSERT TO audit_trusted WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
CREATE POLICY trusted_stays_in_own_tenant ON peer.chained_logs
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));

CREATE FUNCTION peer.chain() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.tenant_id, 0));
    SELECT c.chain_number + 1, c.hash INTO NEW.chain_number, NEW.previous_hash
    FROM peer.chained_logs AS c
    WHERE c.tenant_id = NEW.tenant_id
    ORDER BY c.chain_number DESC
    LIMIT 1;
    NEW.chain_number := coalesce(NEW.chain_number, 1);
    NEW.hash := sha256(convert_to(row_to_json(NEW)::text, 'UTF8'));
    RETURN NEW;
END
$$;

CREATE TRIGGER chain BEFORE INSERT ON peer.chained_logs FOR EACH ROW EXECUTE FUNCTION peer.chain();
