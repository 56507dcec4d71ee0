-- One migration at a time: true when this session has the lock. It is asked for again and again, and never waited for: a statement
-- that waits holds a snapshot, and CREATE INDEX CONCURRENTLY waits for every snapshot to end, so both would wait for ever.
SELECT pg_try_advisory_lock(hashtext('ringfence migration of one session'));
