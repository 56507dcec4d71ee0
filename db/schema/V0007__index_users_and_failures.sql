-- What an auditor asks of one tenant: everything about this user, and everything that failed or was refused. In a tenant with
-- many records both are rare, and the list would read the tenant from end to end to find fifty of them.
-- What each costs, and saves: README, "How fast it is".

-- A migration is one transaction, so records wait while these are built: seconds for a million records.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX audit_logs_tenant_id_user_id_created_at_idx ON audit.audit_logs (tenant_id, user_id, created_at DESC)
    WHERE user_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX audit_logs_failures_idx ON audit.audit_logs (tenant_id, status, created_at DESC)
    WHERE status IN ('error', 'denied');

COMMENT ON INDEX audit.audit_logs_tenant_id_user_id_created_at_idx IS
    'Serves lists of one user. A record without a user does not pay for it.';
COMMENT ON INDEX audit.audit_logs_failures_idx IS
    'Serves lists of what failed or was refused. Small: other records are not in it.';
