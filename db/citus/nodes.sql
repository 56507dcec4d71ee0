-- The workers that hold shards, as the coordinator reaches them.
SELECT n.nodename, n.nodeport
FROM pg_dist_node AS n
WHERE n.isactive AND n.noderole = 'primary' AND n.groupid <> 0 AND n.shouldhaveshards
ORDER BY n.nodename, n.nodeport;
