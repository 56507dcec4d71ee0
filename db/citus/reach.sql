-- Whether the role that asks can go on at each worker, as the functions do that run as their owner.
SELECT n.nodename, n.nodeport, citus_check_connection_to_node(n.nodename, n.nodeport) AS reached
FROM pg_dist_node AS n
WHERE n.noderole = 'primary' AND n.groupid <> 0 AND n.shouldhaveshards
ORDER BY n.nodename, n.nodeport;
