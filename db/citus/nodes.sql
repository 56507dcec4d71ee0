-- What the command has to know: whether the extension is here, and the nodes that hold shards. One row a worker, or one without a name.
SELECT e.extversion, n.nodename, n.nodeport
FROM pg_extension AS e
LEFT JOIN pg_dist_node AS n ON n.isactive AND n.noderole = 'primary' AND n.groupid <> 0 AND n.shouldhaveshards
WHERE e.extname = 'citus'
ORDER BY n.nodename, n.nodeport;
