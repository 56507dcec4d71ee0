-- A tenant's overview lists its keys, at each look: the keys of all tenants are many, and how many is nobody's business.

-- The table is small: one row a key. Keys that are issued while this is built wait for a small table.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX api_keys_tenant_id_created_at_id_idx ON audit.api_keys (tenant_id, created_at DESC, id DESC);
COMMENT ON INDEX audit.api_keys_tenant_id_created_at_id_idx IS 'Serves a tenant''s list of its keys.';
