-- One tenant to write and read for, and others beside it.

SELECT audit.create_tenant('bench');
SELECT audit.create_tenant('other' || n) FROM generate_series(1, 9) AS n;
