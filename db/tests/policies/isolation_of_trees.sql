-- Proves: a tenant reads its own trees, leaves, nodes and checkpoints and no other's; transaction numbers are read by nobody; only the
-- owner writes, for a tenant that is proven with the scope seal or sign, which no key has; and nobody changes or deletes.

BEGIN;
SELECT plan(107);
\ir ../support/sealer.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
CREATE ROLE tap_signer LOGIN IN ROLE audit_signer;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['read', 'write', 'import']) AS key_of_a \gset
SELECT pg_temp.sealable('tap-a', 300), pg_temp.sealable('tap-b', 300), audit.seal_records(10000) \gset
INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at)
SELECT t.tenant_id, t.epoch, t.size, t.root, 'note of ' || t.tenant_id, now() FROM audit.trees AS t WHERE t.tenant_id LIKE 'tap-%';
CREATE TEMPORARY TABLE tree_table (name text);
INSERT INTO tree_table VALUES ('trees'), ('seals'), ('seal_nodes'), ('checkpoints');
GRANT SELECT ON tree_table TO PUBLIC;
CREATE FUNCTION pg_temp.tenants(p_table text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_tenants text;
BEGIN
    EXECUTE format('SELECT coalesce(string_agg(DISTINCT tenant_id, '' ''), ''none'') FROM audit.%I', p_table) INTO v_tenants;
    RETURN v_tenants;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN SQLERRM;
END
$$;
SELECT matches(pg_temp.tenants(name), 'tap-a tap-b', format('audit.%s has rows of both', name)) FROM tree_table;

-- By name.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.tenants(name), 'none', format('no tenant set: no row of %s', name)) FROM tree_table;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.tenants(name), 'tap-a', format('tap-a reads its own rows of %s alone', name)) FROM tree_table;
SELECT audit.set_tenant('tap-b') \gset
SELECT is(pg_temp.tenants(name), 'tap-b', format('tap-b reads its own rows of %s alone', name)) FROM tree_table;
SELECT throws_ok(format('SELECT %I FROM audit.trees', name), '42501', 'permission denied for table trees', name || ' is not granted: it tells of others')
FROM (VALUES ('sealed_xid'), ('sealed_id'), ('history_at'), ('history_id')) AS c (name);
SELECT throws_ok(format('INSERT INTO audit.%I DEFAULT VALUES', name), '42501', 'permission denied for table ' || name, 'nor does it add to ' || name)
FROM tree_table;
RESET SESSION AUTHORIZATION;

-- With a key, by functions alone; as the owner they read what is proven.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.tenants(name), 'permission denied for table ' || name, format('with a key too the service does not read %s itself', name)) FROM tree_table;
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_owner;
SET LOCAL app.scope = '';
SELECT is(pg_temp.tenants(name), 'none', format('the owner reads nothing of %s without a scope', name)) FROM tree_table;
SET LOCAL app.scope = 'read';
SELECT is(pg_temp.tenants(name), 'tap-a', format('with one, what the key has proven of %s', name)) FROM tree_table;
SET LOCAL app.scope = 'seal';
SELECT is(pg_temp.tenants(name), 'none', format('nor of %s for sealing, which no key may', name)) FROM tree_table;

-- What the owner writes: with the scope seal or sign, for the tenant that is proven. No key has either.
RESET ROLE;
CREATE TEMPORARY TABLE written (name text, scope text, statement text);
INSERT INTO written VALUES
    ('trees', 'seal', 'INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES (%L, 9, 0, sha256(''''), '''', now())'),
    ('seals', 'seal', 'INSERT INTO audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line) VALUES (%L, 9, 0, sha256(''''), ''x'')'),
    ('seal_nodes', 'seal', 'INSERT INTO audit.seal_nodes (tenant_id, epoch, level, node_index, hash) VALUES (%L, 9, 1, 0, sha256(''''))'),
    ('checkpoints', 'sign', 'INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at) VALUES (%L, 1, 9, sha256(''''), ''x'', now())');
GRANT SELECT ON written TO PUBLIC;
-- As the owner, with a proof of tap-a and this scope, which is undone.
CREATE FUNCTION pg_temp.attempt(p_scope text, p_statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM set_config('app.scope', p_scope, true);
        PERFORM audit.set_proven_tenant((SELECT s.id::text FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL), 'tap-a', p_scope, '', '');
        SET LOCAL ROLE audit_owner;
        EXECUTE p_statement;
        RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = 'written';
    EXCEPTION
        WHEN SQLSTATE 'TAP00' THEN
            RETURN SQLERRM;
        WHEN insufficient_privilege THEN
            RETURN SQLERRM;
    END;
END
$$;
SELECT is(pg_temp.attempt(w.scope, format(w.statement, 'tap-a')), 'written', format('the owner adds to %s with the scope %s', w.name, w.scope)) FROM written AS w;
SELECT is(pg_temp.attempt(w.scope, format(w.statement, 'tap-b')), format('new row violates row-level security policy for table "%s"', w.name),
    format('for no other tenant to %s', w.name)) FROM written AS w;
SELECT is(pg_temp.attempt(s.scope, format(w.statement, 'tap-a')), format('new row violates row-level security policy for table "%s"', w.name),
    format('with the scope %s it adds nothing to %s', s.scope, w.name))
FROM written AS w CROSS JOIN (VALUES ('read'), ('write'), ('import'), ('replay')) AS s (scope) ORDER BY w.name, s.scope;
SELECT is(pg_temp.attempt(CASE w.scope WHEN 'seal' THEN 'sign' ELSE 'seal' END, format(w.statement, 'tap-a')),
    format('new row violates row-level security policy for table "%s"', w.name), format('nor with the other of the two to %s', w.name)) FROM written AS w;
SELECT is(pg_temp.attempt('seal', 'DO $do$ BEGIN UPDATE audit.trees SET size = size; IF NOT FOUND THEN RAISE insufficient_privilege; END IF; END $do$'),
    'written', 'a tree grows with the scope seal');
SELECT is(pg_temp.attempt(scope, 'DO $do$ BEGIN UPDATE audit.trees SET size = size; IF NOT FOUND THEN RAISE EXCEPTION USING '
        'ERRCODE = ''insufficient_privilege'', MESSAGE = ''no row''; END IF; END $do$'), 'no row', 'and not with ' || scope)
FROM (VALUES ('read'), ('write'), ('sign')) AS s (scope);
SELECT is(pg_temp.attempt('seal', 'UPDATE audit.trees SET size = size WHERE tenant_id = ''tap-b'' AND (SELECT count(*) FROM audit.trees '
        'WHERE tenant_id = ''tap-b'') > 0'), 'written', 'no tree of another tenant is seen');
SELECT is(pg_temp.attempt('seal', format('UPDATE audit.trees SET %s = %s', col, col)), 'permission denied for table trees',
    'which tree it is never changes: ' || col) FROM (VALUES ('tenant_id'), ('epoch'), ('began_at')) AS c (col);
SELECT is(pg_temp.attempt('seal', format('%s audit.%s %s', v.command, name, v.rest)), 'permission denied for table ' || name,
    format('the owner does not %s %s', v.command, name))
FROM (VALUES ('DELETE FROM', ''), ('TRUNCATE', '')) AS v (command, rest), tree_table ORDER BY name, command;
SELECT is(pg_temp.attempt('seal', format('UPDATE audit.%s SET tenant_id = tenant_id', name)), 'permission denied for table ' || name,
    format('nor change %s', name)) FROM tree_table WHERE name <> 'trees';

-- A signer reads all heads through functions, which go on as the owner.
SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT is(pg_temp.tenants(name), 'permission denied for table ' || name, format('a signer reads no %s itself', name)) FROM tree_table;
RESET SESSION AUTHORIZATION;
-- Such a function, for the length of this test.
CREATE FUNCTION audit.tap_heads(p_table text, p_scope text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_tenants text;
BEGIN
    PERFORM set_config('app.scope', p_scope, true);
    EXECUTE format('SELECT coalesce(string_agg(DISTINCT tenant_id, '' '') FILTER (WHERE tenant_id LIKE ''tap-%%''), ''none'') FROM audit.%I', p_table) INTO v_tenants;
    RETURN v_tenants;
END
$$;
ALTER FUNCTION audit.tap_heads OWNER TO audit_owner;
GRANT EXECUTE ON FUNCTION audit.tap_heads TO PUBLIC;
SET LOCAL app.tenant_id = '';
SET LOCAL SESSION AUTHORIZATION tap_signer;
SELECT is(audit.tap_heads(name, 'sign'), 'tap-a tap-b', format('for a signer the owner reads %s of all tenants', name)) FROM (VALUES ('trees'), ('checkpoints')) AS t (name);
SELECT is(audit.tap_heads(name, 'sign'), 'none', format('and no %s, without a proof', name)) FROM (VALUES ('seals'), ('seal_nodes'), ('audit_logs')) AS t (name);
SELECT is(audit.tap_heads(name, 'read'), 'none', format('nor %s with another scope', name)) FROM (VALUES ('trees'), ('checkpoints')) AS t (name);
SET LOCAL SESSION AUTHORIZATION tap_sealer;
SELECT is(audit.tap_heads(name, 'sign'), 'none', format('for a sealer it does not read %s', name)) FROM (VALUES ('trees'), ('checkpoints')) AS t (name);
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.tap_heads(name, 'sign'), 'none', format('nor %s for the service', name)) FROM (VALUES ('trees'), ('checkpoints')) AS t (name);
RESET SESSION AUTHORIZATION;

SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT FROM audit.sealing_turn', login), '42501', 'permission denied for table sealing_turn',
    'whose turn it is nobody reads: ' || login) FROM (VALUES ('tap_gateway'), ('audit_app'), ('tap_sealer'), ('tap_signer'), ('tap_registrar')) AS l (login);

SELECT * FROM finish();
ROLLBACK;
