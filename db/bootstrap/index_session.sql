-- The session that builds the indexes of db/indexes. A build takes as long as it takes, and waits for transactions that began before
-- it; writers do not wait for it (SHARE UPDATE EXCLUSIVE), so nothing is gained by giving up.
SET ROLE audit_owner;
SET lock_timeout = 0;
SET statement_timeout = 0;
