-- Lets a worker that was added inactive take shards, now that it has all that a shard asks for. Citus copies the table to it.
SELECT citus_activate_node(%(nodename)s, %(nodeport)s);
