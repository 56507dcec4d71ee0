-- Lets the two roles that own functions log in: Citus opens its connections between nodes as the role that runs the statement, and a function
-- that is SECURITY DEFINER runs as its owner. Neither gets a password; pg_hba.conf on each node lets them in from the other nodes alone.
-- Citus hands ALTER ROLE on to every node.
ALTER ROLE audit_owner LOGIN;
ALTER ROLE audit_keeper LOGIN;
