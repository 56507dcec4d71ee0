-- How many shards tables.sql makes, where it makes any.
SELECT set_config('ringfence.shards', %(shards)s, true);
