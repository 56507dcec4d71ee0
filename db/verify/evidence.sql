-- Part of db/verify.sql: evidence of the tenant's records, and a proof that is recomputed here, with the server's own sha256() and nothing
-- of ours. What is sealed stays sealed; this part writes nothing but a record that is rolled back.

\echo
\echo 'Evidence.'
BEGIN;
:enter_tenant
\set step 'whoever may write may have records sealed, and is told nothing of it'
SELECT :'held' AND audit.seal_records() IS NULL AS held \gset
:holds
:enter_tenant
\set step 'a record that is not committed yet has no proof'
\set refusal RF010
SELECT audit.insert_audit_log(p_id => :'record', p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
SELECT audit.get_inclusion_proof(:'record');
:refused
:enter_other
\set step 'the other tenant is told of it as of an id that nobody has used'
SELECT :'held' AND audit.get_inclusion_proof(:'record') IS NULL AND audit.get_leaf(:'record') IS NULL AS held \gset
:holds
ROLLBACK;

-- The newest of the tenant's latest records that a checkpoint covers.
BEGIN;
:enter_tenant
SELECT audit.list_audit_logs(p_limit => 50) AS page \gset
COMMIT;
\set proven ''
\set candidates ''
SELECT coalesce(string_agg(item ->> 'id', ' ' ORDER BY place), '') AS candidates, count(*) > 0 AS has_records
FROM json_array_elements(:'page'::json -> 'items') WITH ORDINALITY AS each (item, place) \gset
\if :has_records
    BEGIN;
    :enter_tenant
    \set proof ''
    SELECT split_part(:'candidates', ' ', -1) AS proven \gset
    SELECT audit.get_leaf(:'proven') AS leaf, audit.get_inclusion_proof(:'proven') AS proof \gset
    COMMIT;
    SELECT :'proof' <> '' AS has_proof \gset
    \if :has_proof
        \echo :proof
        -- RFC 9162, section 2.1.3.2: fn is the place of the leaf, sn that of the last one, both shifted as the way leads up.
        \set step 'its leaf and the hashes beside its way lead to the root in the checkpoint'
        WITH RECURSIVE
        parts AS (
            SELECT string_to_array(split_part(:'proof', E'\n\n', 1), E'\n') AS head,
                   string_to_array(split_part(:'proof', E'\n\n', 2), E'\n') AS checkpoint
        ),
        way AS (
            SELECT 0 AS step,
                   substring(head[2] FROM '^index ([0-9]+)$')::bigint AS fn,
                   checkpoint[2]::bigint - 1 AS sn,
                   sha256('\x00'::bytea || convert_to(split_part(:'leaf', E'\n', 1), 'UTF8')) AS hash
            FROM parts
            UNION ALL
            SELECT w.step + 1,
                   CASE WHEN w.fn & 1 = 0 AND w.fn = w.sn AND w.fn > 0 THEN w.fn / (w.fn & -w.fn) ELSE w.fn END >> 1,
                   CASE WHEN w.fn & 1 = 0 AND w.fn = w.sn AND w.fn > 0 THEN w.sn / (w.fn & -w.fn) ELSE w.sn END >> 1,
                   CASE WHEN w.fn & 1 = 1 OR w.fn = w.sn THEN sha256('\x01'::bytea || decode(p.head[3 + w.step], 'base64') || w.hash)
                        ELSE sha256('\x01'::bytea || w.hash || decode(p.head[3 + w.step], 'base64')) END
            FROM way AS w
            CROSS JOIN parts AS p
            WHERE w.step < cardinality(p.head) - 2
        )
        SELECT w.sn = 0 AND encode(w.hash, 'base64') = p.checkpoint[3] AS held
        FROM way AS w
        CROSS JOIN parts AS p
        ORDER BY w.step DESC
        LIMIT 1 \gset
        :holds
    \endif
\endif
