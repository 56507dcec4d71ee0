-- Every check in the body of a function taken out, one at a time: each IF that raises, each condition that has a line of its
-- own, each rule and power of the isolation report, each random value, each setting that ends with its transaction, each
-- record of an administrative act. Answers one row a weakening: its name, and the SQL that applies it.

WITH source AS (
    SELECT format('function %s.%s', p.pronamespace::regnamespace, p.proname) AS name, pg_get_functiondef(p.oid) AS body
    FROM pg_proc AS p
    WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
),
-- What the source has, and what stands there instead. n: a line is a line.
operator (how, pattern, shown, instead, flags) AS (
    VALUES
        ('does not refuse:', '\m(IF|ELSIF)\M((?:(?!\mTHEN\M)[^;])*)\mTHEN(\s+RAISE EXCEPTION)', 2, '\1 false THEN\3', ''),
        ('does not ask:', '^( +(?:AND|OR) )([^\n]*?)(|;| THEN| *--[^\n]*)$(?!\n *IS )', 2, '\3', 'n'),
        ('does not report:', '(SELECT '')((?:no|the|every|neither) [^'']*)('',)', 2, '\1switched off\3', ''),
        ('does not report:', '\((r\.rol\w+)(, ''(?:is|has) )', 1, '(false\2', ''),
        ('sets for the session:', '(, true)(\)?[,;])', 1, ', false\2', ''),
        ('does not record:', '^ *PERFORM audit\.record_(?:admin_event|api_key_event|view_link_event)\(([^\n]*)\);$', 1, 'NULL;', 'n')
),
occurrence AS (
    SELECT s.name, s.body, o.*, found.number, found.match[o.shown] AS excerpt
    FROM source AS s
    CROSS JOIN operator AS o
    CROSS JOIN LATERAL regexp_matches(s.body, o.pattern, 'g' || o.flags) WITH ORDINALITY AS found (match, number)
    -- Half of a condition cannot be taken out.
    WHERE length(replace(found.match[o.shown], '(', '')) = length(replace(found.match[o.shown], ')', ''))
      AND (o.how <> 'sets for the session:' OR s.body ~ 'set_config')
      -- Not a condition, but the beginning of one: the branches of a CASE are on the lines after it.
      AND found.match[o.shown] !~ '\mCASE\M(?!.*\mEND\M)'
)
SELECT format('%s %s %s (%s)', o.name, o.how, left(regexp_replace(trim(o.excerpt), '\s+', ' ', 'g'), 80), o.number),
       regexp_replace(o.body, o.pattern, o.instead, 1, o.number::int, o.flags)
FROM occurrence AS o
UNION ALL
SELECT s.name || ' draws no lots', replace(s.body, 'gen_random_uuid()', quote_literal('00000000-0000-4000-8000-000000000000') || '::uuid')
FROM source AS s
WHERE s.body LIKE '%gen\_random\_uuid()%'
ORDER BY 1
