-- Every function of schema audit, with how often it was called since the statistics of the database were reset.

SELECT p.oid::regprocedure::text, coalesce(s.calls, 0)
FROM pg_proc AS p
LEFT JOIN pg_stat_user_functions AS s ON s.funcid = p.oid
WHERE p.pronamespace = 'audit'::regnamespace
ORDER BY 1;
