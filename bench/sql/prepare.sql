-- One tenant to write and read for, one that has a thousand records, and others beside them.

SELECT audit.create_tenant('bench');
SELECT audit.create_tenant('few');
SELECT audit.create_tenant('other' || n) FROM generate_series(1, 9) AS n;
