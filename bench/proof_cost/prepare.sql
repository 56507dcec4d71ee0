-- One tenant, and a login for each of the three ways to write its record.

SELECT audit.create_tenant('bench');
CREATE ROLE bench_owner LOGIN SUPERUSER;   -- not bound by row-level security: what the insert costs without us
CREATE ROLE bench_header LOGIN IN ROLE audit_trusted;
CREATE ROLE bench_key LOGIN IN ROLE audit_keyed;
