-- Proves: audit_keeper sees and changes nothing without a proof with the scope keep, which no key has; with one, of that tenant alone; it empties what is personal and
-- fills nothing, takes salts and changes no hash, no term, no hold that holds, and adds nothing anywhere.

BEGIN;
SELECT plan(181);
\ir ../support/kept.sql
\ir ../support/signer.sql
\ir ../support/sealer.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT pg_temp.kept('tap-a', 1, 'LIVE', '2026-01-01 00:00:00+00', 'jane', '{"event": "x"}'), pg_temp.kept('tap-b', 1, 'LIVE', '2026-01-01 00:00:00+00', 'jane', '{"event": "x"}'), pg_temp.seal(), pg_temp.sign('tap-a'), pg_temp.sign('tap-b'),
       audit.set_retention('tap-a', 365, 30), audit.set_retention('tap-b', 365, 30), audit.place_hold('tap-a', 'r', 'held', 'jane'), audit.place_hold('tap-b', 'r', 'held', 'jane'),
       audit.release_hold(audit.place_hold('tap-a', 'r', 'released', 'jane'), 'over') AS released_a, audit.release_hold(audit.place_hold('tap-b', 'r', 'released', 'jane'), 'over') AS released_b \gset
INSERT INTO audit.seal_nodes (tenant_id, epoch, level, node_index, hash) VALUES ('tap-a', 1, 1, 0, sha256('')), ('tap-b', 1, 1, 0, sha256(''));
CREATE TEMPORARY TABLE seen (name text, col text);
INSERT INTO seen VALUES ('audit_logs', 'id'), ('seals', 'leaf_index'), ('seal_nodes', 'node_index'), ('trees', 'size'), ('checkpoints', 'size'), ('retention', 'live_days'), ('legal_holds', 'id');
-- What a statement of audit_keeper does, in tenants that its rows are of, after a proof with these scopes of tap-a: undone.
CREATE FUNCTION pg_temp.does(p_statement text, p_scopes text DEFAULT 'keep', p_before text DEFAULT 'SELECT') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_tenants text;
BEGIN
    EXECUTE p_before;
    PERFORM set_config('app.tenant_id', '', true), set_config('app.scopes', '', true), set_config('app.proof', '', true), set_config('app.scope', 'keep', true);
    IF p_scopes = 'a name' THEN
        PERFORM set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', 'keep', true);
    ELSIF p_scopes <> '' THEN
        PERFORM audit.set_proven_tenant((SELECT s.id::text FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL), 'tap-a', p_scopes, '', '');
    END IF;
    SET LOCAL ROLE audit_keeper;
    EXECUTE format('WITH done AS (%s) SELECT coalesce(string_agg(DISTINCT tenant_id::text, '' ''), ''none'') FROM done', p_statement) INTO v_tenants;
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = v_tenants;
EXCEPTION
    WHEN SQLSTATE 'TAP00' OR insufficient_privilege OR check_violation THEN RETURN SQLERRM;
END
$$;

-- Reading.
SELECT is(pg_temp.does(format('SELECT tenant_id FROM audit.%I', name), 'keep'), 'tap-a', format('%s: with the proof it reads that tenant alone', name)) FROM seen;
SELECT is(pg_temp.does(format('SELECT tenant_id FROM audit.%I', name), scopes), 'none', format('%s: nothing with %s', name, coalesce(nullif(scopes, ''), 'nothing')))
FROM seen CROSS JOIN (VALUES (''), ('a name'), ('read,write,import'), ('seal,sign,replay')) AS s (scopes) ORDER BY name, scopes;
SELECT is(pg_temp.does(format('SELECT %s AS tenant_id FROM audit.%I', col, name)), 'permission denied for table ' || name, format('%s of %s it does not read', col, name))
FROM (VALUES ('audit_logs', 'recorded_xid'), ('trees', 'root'), ('trees', 'sealed_xid'), ('checkpoints', 'note'), ('admin_events', 'act'), ('tenants', 'id'), ('api_keys', 'id'),
             ('proof_secrets', 'id'), ('idempotency_keys', 'key'), ('pruned_ids', 'id'), ('retention_rules', 'live_floor_days'), ('sealing_turn', 'last_tenant')) AS t (name, col);

-- What it may do, and of whom.
CREATE TEMPORARY TABLE act (number int GENERATED ALWAYS AS IDENTITY, name text, statement text);
INSERT INTO act (name, statement) VALUES
    ('audit_logs', 'DELETE FROM audit.audit_logs RETURNING tenant_id'),
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = NULL, error = NULL, context = NULL RETURNING tenant_id'),
    ('seals', 'DELETE FROM audit.seals RETURNING tenant_id'),
    ('seals', 'UPDATE audit.seals SET record_id = NULL, salt = NULL RETURNING tenant_id'),
    ('seals', 'UPDATE audit.seals SET salt = NULL, private_sha256 = sha256('''') RETURNING tenant_id'),
    ('legal_holds', 'UPDATE audit.legal_holds SET user_id = NULL, reason = ''erased'', release_reason = ''erased'' WHERE released_at IS NOT NULL RETURNING tenant_id'),
    ('retention', 'UPDATE audit.retention SET pruned_at = now(), pass_mode = ''LIVE'', pass_time = now(), pass_id = gen_random_uuid() RETURNING tenant_id');
SELECT is(pg_temp.does(statement), 'tap-a', 'with the proof, of that tenant alone: ' || statement) FROM act ORDER BY number;
SELECT is(pg_temp.does(statement, scopes), 'none', format('with %s nothing: %s', coalesce(nullif(scopes, ''), 'nothing'), statement))
FROM act CROSS JOIN (VALUES (''), ('a name'), ('read,write,import')) AS s (scopes) ORDER BY number, scopes;

-- What it may not.
SELECT is(pg_temp.does(format('%s RETURNING tenant_id', statement)), format('new row violates row-level security policy for table "%s"', name), 'it cannot: ' || statement)
FROM (VALUES
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = ''other'', error = NULL, context = NULL'), ('audit_logs', 'UPDATE audit.audit_logs SET user_id = NULL, error = ''other'', context = NULL'),
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = NULL, error = NULL, context = ''{"event": "y"}'''), ('audit_logs', 'UPDATE audit.audit_logs SET user_id = NULL'),
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = NULL, error = NULL'), ('audit_logs', 'UPDATE audit.audit_logs SET error = NULL, context = NULL'),
    ('seals', 'UPDATE audit.seals SET salt = sha256(''x'')'), ('seals', 'UPDATE audit.seals SET record_id = gen_random_uuid()'),
    ('legal_holds', 'UPDATE audit.legal_holds SET user_id = NULL WHERE released_at IS NULL'), ('legal_holds', 'UPDATE audit.legal_holds SET user_id = ''joe'' WHERE released_at IS NOT NULL'),
    ('legal_holds', 'UPDATE audit.legal_holds SET reason = ''x'' WHERE released_at IS NOT NULL')) AS c (name, statement);
SELECT is(pg_temp.does(format('UPDATE audit.%I SET %s = %s RETURNING tenant_id', name, col, col)), 'permission denied for table ' || name, format('it changes no %s of %s', col, name))
FROM (VALUES ('audit_logs', 'id'), ('audit_logs', 'tenant_id'), ('audit_logs', 'agent_id'), ('audit_logs', 'created_at'), ('seals', 'leaf_hash'), ('seals', 'leaf_index'), ('seals', 'line'),
             ('seals', 'tenant_id'), ('retention', 'live_days'), ('retention', 'dry_run_days'), ('retention', 'set_at'), ('legal_holds', 'released_at'), ('legal_holds', 'end_time'),
             ('trees', 'size'), ('checkpoints', 'size'), ('seal_nodes', 'hash')) AS c (name, col);
SELECT throws_ok(format('SET LOCAL ROLE audit_keeper; %s audit.%I %s', command, name, rest), '42501', 'permission denied for table ' || name, format('nor does it %s %s', command, name))
FROM (VALUES ('INSERT INTO', 'audit_logs', 'DEFAULT VALUES'), ('INSERT INTO', 'seals', 'DEFAULT VALUES'), ('INSERT INTO', 'retention', 'DEFAULT VALUES'), ('INSERT INTO', 'legal_holds', 'DEFAULT VALUES'),
             ('INSERT INTO', 'pruned_ids', 'DEFAULT VALUES'), ('INSERT INTO', 'admin_events', 'DEFAULT VALUES'), ('DELETE FROM', 'retention', ''), ('DELETE FROM', 'legal_holds', ''),
             ('DELETE FROM', 'trees', ''), ('DELETE FROM', 'checkpoints', ''), ('DELETE FROM', 'seal_nodes', ''), ('DELETE FROM', 'pruned_ids', ''), ('TRUNCATE', 'audit_logs', ''), ('TRUNCATE', 'seals', ''))
    AS c (command, name, rest);

-- Each line holds by itself: beside stray policies with true, and without the restrictive ones.
CREATE FUNCTION pg_temp.stray(p_name text) RETURNS text LANGUAGE sql AS $$ SELECT format('CREATE POLICY stray ON audit.%I FOR ALL TO audit_keeper USING (true) WITH CHECK (true)', p_name) $$;
CREATE FUNCTION pg_temp.one_line(p_name text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('DROP POLICY %I ON audit.%I', p.polname, p_name), '; ') FROM pg_policy AS p
    WHERE p.polrelid = ('audit.' || p_name)::regclass AND p.polroles = ARRAY['audit_keeper'::regrole::oid] AND NOT p.polpermissive
$$;
SELECT is(pg_temp.does(format('SELECT tenant_id FROM audit.%I', name), scopes, change), tenants, format('%s, %s, with %s', name, said, coalesce(nullif(scopes, ''), 'nothing')))
FROM seen CROSS JOIN (VALUES ('keep', 'tap-a'), ('a name', 'none')) AS s (scopes, tenants)
CROSS JOIN LATERAL (VALUES (pg_temp.stray(name), 'beside a stray policy'), (pg_temp.one_line(name), 'without the restrictive ones')) AS c (change, said) ORDER BY name, said, scopes;
SELECT is(pg_temp.does(statement, scopes, change), tenants, format('%s, with %s: %s', said, coalesce(nullif(scopes, ''), 'nothing'), statement))
FROM act CROSS JOIN (VALUES ('keep', 'tap-a'), ('a name', 'none')) AS s (scopes, tenants)
CROSS JOIN LATERAL (VALUES (pg_temp.stray(name), 'beside a stray policy'), (pg_temp.one_line(name), 'without the restrictive ones')) AS c (change, said) ORDER BY number, said, scopes;
-- A stray policy lets the reading of rows through; each restrictive one is asked for its own command, and for what is stored.
SELECT is(pg_temp.does(format('%s RETURNING tenant_id', statement), 'keep', pg_temp.stray(name)), format('new row violates row-level security policy "%s" for table "%s"', policy, name),
    'beside a stray policy it still cannot: ' || statement)
FROM (VALUES
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = ''other'', error = NULL, context = NULL', 'keeper_erases_only_for_proven_tenant'),
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = NULL, error = ''other'', context = NULL', 'keeper_erases_only_for_proven_tenant'),
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = NULL, error = NULL', 'keeper_erases_only_for_proven_tenant'),
    ('seals', 'UPDATE audit.seals SET salt = sha256(''x'')', 'keeper_empties_only_for_proven_tenant'),
    ('legal_holds', 'UPDATE audit.legal_holds SET user_id = NULL WHERE released_at IS NULL', 'keeper_erases_only_for_proven_tenant'),
    ('legal_holds', 'UPDATE audit.legal_holds SET user_id = ''joe'' WHERE released_at IS NOT NULL', 'keeper_erases_only_for_proven_tenant')) AS c (name, statement, policy);
SELECT is(pg_temp.does(format('%s RETURNING tenant_id', statement), 'keep', pg_temp.one_line(name)), format('new row violates row-level security policy for table "%s"', name),
    'without the restrictive ones it still cannot: ' || statement)
FROM (VALUES
    ('audit_logs', 'UPDATE audit.audit_logs SET user_id = ''other'', error = NULL, context = NULL'),
    ('seals', 'UPDATE audit.seals SET salt = sha256(''x'')'),
    ('legal_holds', 'UPDATE audit.legal_holds SET user_id = NULL WHERE released_at IS NULL')) AS c (name, statement);

SELECT * FROM finish();
ROLLBACK;
