-- What the session that builds an index waits for, one line for each transaction. A role outside of pg_read_all_stats does not see when a
-- transaction of another role began.
SELECT concat('an index build waits for ', CASE WHEN b.pid = 0 THEN 'a prepared transaction (pg_prepared_xacts)'
    ELSE concat('pid ', b.pid, ', role ', quote_nullable(a.usename), ', application ', quote_nullable(a.application_name),
        ', in a transaction since ', coalesce(date_trunc('second', a.xact_start)::text, 'a time that this role may not see')) END)
FROM unnest(pg_blocking_pids(%(pid)s)) AS b (pid)
LEFT JOIN pg_stat_activity AS a ON a.pid = b.pid
ORDER BY b.pid;
