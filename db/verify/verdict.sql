-- Part of db/verify.sql and db/verify_retention.sql: prints the verdict on all steps, and sets "failed". Who includes it ends psql: ON_ERROR_STOP
-- that is set in here would end this file alone.

\echo
SELECT :'verdicts' LIKE '%FAIL%' AS failed,
       (SELECT count(*) FROM regexp_matches(:'verdicts', 'PASS', 'g')) AS passed \gset
\if :failed
    \echo 'FAIL  not every step held, as' :role
\else
    \echo PASS '' :passed 'steps as' :role
\endif
