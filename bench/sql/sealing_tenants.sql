-- A hundred tenants that write at the same time.

SELECT audit.create_tenant('writer' || n) FROM generate_series(1, 100) AS n;
