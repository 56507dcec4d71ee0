-- How many records there are, in all shards. Asked by a superuser, whom no policy binds.
SELECT count(*) AS records FROM audit.audit_logs;
