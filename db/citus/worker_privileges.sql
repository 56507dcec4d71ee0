-- On a worker: nobody reads or writes records through the table of this name, which Citus makes on every node. A record written there would carry
-- that node's transaction number, which sealing takes for one of the coordinator's.
REVOKE ALL ON audit.audit_logs FROM PUBLIC, audit_trusted, audit_keyed, audit_keeper;
-- Nor does the owner change one, here as on the coordinator. Citus makes a table with all of its owner's privileges.
REVOKE UPDATE, DELETE, TRUNCATE ON audit.audit_logs FROM audit_owner;
-- Nor does anybody act here but the nodes, as the owner, as audit_keeper or as a login that names its tenants. A key that was issued on a worker, in
-- tables of the same name where no administrator looks, would be proven with the secret that every node has.
REVOKE USAGE ON SCHEMA audit FROM audit_keyed, audit_admin, audit_sealer, audit_signer, audit_retention, audit_eraser;
