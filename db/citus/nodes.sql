-- The workers that hold shards, or will when they are active, as the coordinator reaches them.
SELECT n.nodename, n.nodeport, n.isactive
FROM pg_dist_node AS n
WHERE n.noderole = 'primary' AND n.groupid <> 0 AND n.shouldhaveshards
ORDER BY n.nodename, n.nodeport;
