-- Proves: the functions of evidence ask for the tenant themselves. Called by a superuser, whom no policy binds, they answer what they
-- answer a gateway, though another tenant has more epochs, larger trees and checkpoints, and leaves and records that claim each other. So do those
-- of the signer, beside policies that show the owner everything.

BEGIN;
SELECT plan(30);

\ir ../support/gateway.sql
\ir ../support/signer.sql
\ir ../support/trees.sql
\ir ../support/sealed.sql
\ir ../support/answer.sql
\ir ../support/bundle.sql
SELECT audit.create_tenant('tap-0'), audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c') \gset
-- A tenant that every search would meet first.
SELECT pg_temp.grow('tap-0', 1, 300), pg_temp.grow('tap-0', 2, 5) \gset
\set id_of_a '''01900000-0000-7000-8000-00000000000a'''
\set id_of_b '''01900000-0000-7000-8000-00000000000b'''
\set id_not_sealed '''01900000-0000-7000-8000-0000000000bb'''
SELECT pg_temp.record('tap-a', :id_of_a), pg_temp.record('tap-a', '01900000-0000-7000-8000-0000000000a2', '2026-01-02 00:00:00+00'),
       pg_temp.record('tap-a', '01900000-0000-7000-8000-0000000000a3', '2026-01-03 00:00:00+00'),
       pg_temp.record('tap-a', '01900000-0000-7000-8000-0000000000a4', '2026-01-04 00:00:00+00'), pg_temp.record('tap-b', :id_of_b) \gset
SELECT pg_temp.seal() \gset
-- Of tap-a three of four leaves are signed; what tap-0 and tap-b have is larger, and older, so that a search would meet it first, by an index that of tap-0.
SELECT pg_temp.grow('tap-0', 1, 300), pg_temp.grow('tap-0', 2, 5), pg_temp.sign('tap-0', 1, 3) \gset
SELECT pg_temp.record('tap-b', :id_not_sealed), pg_temp.grow('tap-b', 1, 299), pg_temp.grow('tap-b', 2, 5) \gset
SELECT pg_temp.sign('tap-b', 1, 3), pg_temp.sign('tap-b', 1, 300), pg_temp.sign('tap-b', 2, 4), pg_temp.sign('tap-a', 1, 3) \gset
-- A leaf of tap-b says that it is the record of tap-a, and one of tap-a the record of tap-b.
UPDATE audit.seals SET record_id = :id_of_a, line = NULL, salt = sha256('salt') WHERE tenant_id = 'tap-b' AND epoch = 1 AND leaf_index = 299;
UPDATE audit.seals SET record_id = :id_not_sealed WHERE tenant_id = 'tap-a' AND leaf_index = 1;

CREATE TEMPORARY TABLE call (number int GENERATED ALWAYS AS IDENTITY, tenant_id text, call text, answer text);
INSERT INTO call (tenant_id, call)
SELECT tenant_id, call
FROM (VALUES ('tap-a'), ('tap-c')) AS t (tenant_id)
CROSS JOIN (VALUES
    ('audit.get_checkpoint()'), ('audit.get_checkpoint(1)'), ('audit.get_checkpoint(2)'), ('audit.get_checkpoint(p_size => 4)'),
    (format('audit.get_inclusion_proof(%L)', :id_of_a)), (format('audit.get_inclusion_proof(%L)', :id_of_b)),
    (format('audit.get_leaf(%L)', :id_of_a)), (format('audit.get_leaf(%L)', :id_of_b)), (format('audit.get_leaf(%L)', :id_not_sealed)),
    ('audit.get_consistency_proof(1, 3)'), ('audit.get_consistency_proof(1, 4, 2)'),
    ('pg_temp.body(pg_temp.rest(audit.begin_evidence(NULL, NULL)::text))'),
    ('pg_temp.body(pg_temp.rest(audit.begin_evidence(''2026-01-01 00:00:00+00'', ''2026-01-01 00:00:01+00'')::text))')) AS c (call);
GRANT SELECT, UPDATE ON call TO tap_gateway;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway', pg_my_temp_schema()::regnamespace); END $$;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
UPDATE call SET answer = pg_temp.answer(call) WHERE tenant_id = 'tap-a';
SELECT audit.set_tenant('tap-c') \gset
UPDATE call SET answer = pg_temp.answer(call) WHERE tenant_id = 'tap-c';
RESET SESSION AUTHORIZATION;
SET LOCAL app.tenant_id = 'tap-a';
SELECT is(pg_temp.answer(call), answer, 'of tap-a: ' || call) FROM call WHERE tenant_id = 'tap-a' ORDER BY number;
SET LOCAL app.tenant_id = 'tap-c';
SELECT is(pg_temp.answer(call), answer, 'of tap-c, which has nothing: ' || call) FROM call WHERE tenant_id = 'tap-c' ORDER BY number;

-- The signer's functions run as the owner: beside stray policies.
INSERT INTO call (tenant_id, call) VALUES
    ('tap-b', 'audit.signer_epoch_statement(''tap-b'', 2)'), ('tap-b', 'audit.signer_consistency_proof(''tap-b'', 2, 3, 5)'),
    ('tap-b', 'audit.signer_consistency_proof(''tap-b'', 1, 256, 299)'), ('tap-b', 'audit.signer_consistency_proof(''tap-b'', 3, 1, 1)');
GRANT SELECT, UPDATE ON call TO tap_signer;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_signer', pg_my_temp_schema()::regnamespace); END $$;
SET LOCAL SESSION AUTHORIZATION tap_signer;
UPDATE call SET answer = pg_temp.answer(call) WHERE tenant_id = 'tap-b';
RESET SESSION AUTHORIZATION;
CREATE POLICY stray ON audit.trees TO audit_owner USING (true);
CREATE POLICY stray ON audit.seals TO audit_owner USING (true);
CREATE POLICY stray ON audit.seal_nodes TO audit_owner USING (true);
SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT is(pg_temp.answer(call), answer, 'for the signer: ' || call) FROM call WHERE tenant_id = 'tap-b' ORDER BY number;
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
