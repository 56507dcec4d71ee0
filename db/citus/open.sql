-- Opens the coordinator again: these may name what lies in schema audit, as after a migration. What each may do there is as before.
GRANT USAGE ON SCHEMA audit TO audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_retention, audit_eraser;
