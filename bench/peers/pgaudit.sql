-- A role whose writes pgaudit logs with their values, as a trail needs them, and one that is not logged.
CREATE EXTENSION pgaudit;
CREATE ROLE bench_pgaudit LOGIN IN ROLE audit_trusted;
ALTER ROLE bench_pgaudit SET pgaudit.log = 'write';
ALTER ROLE bench_pgaudit SET pgaudit.log_parameter = 'on';
