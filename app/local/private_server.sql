-- What `make run` adds to a migrated database on its private server: the service there proves its tenants with API keys,
-- also when an older release had it name them.

GRANT audit_keyed TO audit_app;
REVOKE audit_trusted FROM audit_app;
