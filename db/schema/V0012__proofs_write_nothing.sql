-- A proof is bound to its backend and the start of its transaction, and not to the number of a subtransaction: entering a tenant writes
-- no row and takes no transaction number. The functions are replaced after this file, in the same transaction.

-- Nothing in it outlives a transaction.
-- squawk-ignore ban-drop-table
DROP TABLE audit.tenant_entries;
-- Their parameters change, or they go. Only functions that run as audit_owner have called them. A new database has none of them yet.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.tenant_proof(text, text, text, text, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.set_proven_tenant(text, text, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.api_key_proof(text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.record_read();

COMMENT ON TABLE audit.api_key_uses IS
    'When each key was used last: one row a key, made when it is issued. Apart from the key, so that whoever notes a use does not '
    'hold up its revocation. Written by audit.record_api_key_use().';
COMMENT ON COLUMN audit.api_key_uses.last_used_at IS 'The last hour (UTC) for which the service has reported a use. NULL: none yet.';
