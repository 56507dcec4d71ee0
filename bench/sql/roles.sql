-- A login for each way to reach a record.

CREATE ROLE bench_owner LOGIN SUPERUSER;   -- not bound by row-level security: what the same costs without us
CREATE ROLE bench_header LOGIN IN ROLE audit_trusted;
CREATE ROLE bench_key LOGIN IN ROLE audit_keyed;
CREATE ROLE bench_workers LOGIN IN ROLE audit_keyed;   -- the service with two workers, so that its connections can be counted
CREATE ROLE bench_sealer LOGIN IN ROLE audit_sealer;
CREATE ROLE bench_retention LOGIN IN ROLE audit_retention;
CREATE ROLE bench_eraser LOGIN IN ROLE audit_eraser;
