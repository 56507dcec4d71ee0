-- Part of db/verify.sql and db/verify_retention.sql: how a step is made, run and judged.

\set ON_ERROR_STOP off
-- A refused statement must not end the transaction that the next one needs.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
\pset pager off
\pset null ''

-- The two ways a step ends; each prints its line. A step says \set step, runs, and then :holds, which wants its query to
-- have set "held" to true, or :refused, which wants its statement to have failed with the SQLSTATE in "refusal".
-- Both forget what they read, so that a step that does not run at all counts as failed.
\set verdicts ''
\set print '\\echo :verdict '''' :step \\set verdicts :verdicts :verdict \\set held false \\set refusal none \\set verdict FAIL'
\set holds 'SELECT CASE WHEN :''held'' THEN ''PASS'' ELSE ''FAIL'' END AS verdict \\gset \\\\ :print'
\set refused 'SELECT CASE WHEN :''SQLSTATE'' = :''refusal'' THEN ''PASS'' ELSE ''FAIL'' END AS verdict, concat(:''step'', '' ('', :''SQLSTATE'', '')'') AS step \\gset \\\\ :print'
\set held false
\set refusal none
\set verdict FAIL
