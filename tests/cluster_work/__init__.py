"""What a record costs each node of a Citus cluster, with 1, 2 and 4 workers."""
