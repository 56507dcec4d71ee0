-- Proves: the policies are these and no others, for these roles and commands, with these very expressions.

BEGIN;
SELECT plan(6);

-- What the expressions say, in the words of the list below. The comparison is bare, so that it becomes an index condition; the proof
-- is asked for in a sub-select, which a statement runs once.
CREATE TEMPORARY TABLE expression (said text, expression text);
INSERT INTO expression VALUES
    ('true',         'true'),
    ('own row',      '(id = current_setting(''app.tenant_id''::text, true))'),
    ('own',          '(tenant_id = current_setting(''app.tenant_id''::text, true))'),
    ('own, no key',  '((tenant_id = current_setting(''app.tenant_id''::text, true)) AND (api_key_id IS NULL))'),
    ('proven read',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(''read''::text) AS proven_tenant)))'),
    ('proven write',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (concat(tenant_id, '':'', api_key_id) = ( SELECT audit.proven_writer(''write''::text) AS proven_writer)))'),
    ('proven caller', '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(current_setting(''app.scope''::text, true)) AS proven_tenant)))'),
    ('proven part', '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_restricted_tenant(current_setting(''app.scope''::text, true)) AS proven_restricted_tenant))'
        ' AND (created_at >= COALESCE(( SELECT (audit.proven_restriction(''start_time''::text))::timestamp with time zone AS proven_restriction),'
        ' ''-infinity''::timestamp with time zone))'
        ' AND (created_at < COALESCE(( SELECT (audit.proven_restriction(''end_time''::text))::timestamp with time zone AS proven_restriction),'
        ' ''infinity''::timestamp with time zone))'
        ' AND (agent_id = COALESCE(( SELECT audit.proven_restriction(''agent_id''::text) AS proven_restriction), agent_id))'
        ' AND (NOT (trace_id IS DISTINCT FROM COALESCE(( SELECT audit.proven_restriction(''trace_id''::text) AS proven_restriction), trace_id)))'
        ' AND (NOT (user_id IS DISTINCT FROM COALESCE(( SELECT audit.proven_restriction(''user_id''::text) AS proven_restriction), user_id)))'
        ' AND (NOT (mode IS DISTINCT FROM COALESCE(( SELECT audit.proven_restriction(''mode''::text) AS proven_restriction), mode)))'
        ' AND (NOT (status IS DISTINCT FROM COALESCE(( SELECT audit.proven_restriction(''status''::text) AS proven_restriction), status))))'),
    ('proven import',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (concat(tenant_id, '':'', api_key_id) = ( SELECT audit.proven_writer(''import''::text) AS proven_writer)))'),
    ('proven replay',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (concat(tenant_id, '':'', api_key_id) = ( SELECT audit.proven_writer(''replay''::text) AS proven_writer)))'),
    ('proven seal',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(''seal''::text) AS proven_tenant)))'),
    ('proven sign',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(''sign''::text) AS proven_tenant)))'),
    ('proven keep',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(''keep''::text) AS proven_tenant)))'),
    ('proven keep, erased',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(''keep''::text) AS proven_tenant))'
        ' AND (user_id IS NULL) AND (error IS NULL) AND (context IS NULL))'),
    ('proven keep, no salt',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(''keep''::text) AS proven_tenant))'
        ' AND (salt IS NULL))'),
    ('proven keep, released',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.proven_tenant(''keep''::text) AS proven_tenant))'
        ' AND (user_id IS NULL) AND (released_at IS NOT NULL))'),
    ('writing',
        '((tenant_id = current_setting(''app.tenant_id''::text, true))'
        ' AND (tenant_id = ( SELECT audit.writing_tenant() AS writing_tenant)))'),
    ('administrator', '((current_setting(''app.scope''::text, true) = ''administer''::text)'
        ' AND pg_has_role(SESSION_USER, ''audit_admin''::name, ''MEMBER''::text))'),
    ('signer', '((current_setting(''app.scope''::text, true) = ''sign''::text)'
        ' AND pg_has_role(SESSION_USER, ''audit_signer''::name, ''MEMBER''::text))'),
    ('false',        'false');

PREPARE policies AS
    SELECT c.relname::text AS relation, p.polname::text AS name,
           CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                         ELSE 'ALL' END AS command,
           CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END AS kind,
           (SELECT string_agg(coalesce(nullif(role, 0)::regrole::text, 'PUBLIC'), ', ' ORDER BY role::regrole::text) FROM unnest(p.polroles) AS role) AS roles,
           pg_get_expr(p.polqual, p.polrelid) COLLATE "default" AS visible,
           pg_get_expr(p.polwithcheck, p.polrelid) COLLATE "default" AS storable
    FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
    WHERE c.relnamespace = 'audit'::regnamespace;
PREPARE intended AS
    SELECT p.relation, p.name, p.command, p.kind, 'audit_' || replace(p.role, ', ', ', audit_') AS roles,
           visible.expression AS visible, storable.expression AS storable
    FROM (VALUES
    ('admin_events',   'keyed_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keyed',   'proven read',  NULL),
    ('admin_events',   'keyed_reads_proven_tenant',           'SELECT', 'permissive',  'keyed',   'proven read',  NULL),
    ('admin_events',   'nobody_changes_an_event',             'UPDATE', 'restrictive', 'keyed, trusted', 'false',  NULL),
    ('admin_events',   'nobody_deletes_an_event',             'DELETE', 'restrictive', 'keyed, trusted', 'false',  NULL),
    ('admin_events',   'owner_reads_for_administrators',      'SELECT', 'permissive',  'owner',   'administrator', NULL),
    ('admin_events',   'owner_reads_proven_tenant',           'SELECT', 'permissive',  'owner',   'proven caller', NULL),
    ('admin_events',   'owner_records_admin_events',          'INSERT', 'permissive',  'owner',   NULL,           'true'),
    ('admin_events',   'trusted_reads_own_tenant',            'SELECT', 'permissive',  'trusted', 'own',          NULL),
    ('admin_events',   'trusted_stays_in_own_tenant',         'ALL',    'restrictive', 'trusted', 'own',          'own'),
    ('api_key_uses',   'owner_keeps_api_key_uses',            'ALL',    'permissive',  'owner',   'true',         'true'),
    ('api_keys',       'owner_keeps_api_keys',                'ALL',    'permissive',  'owner',   'true',         'true'),
    ('audit_logs',     'keyed_appends_only_to_proven_tenant', 'INSERT', 'restrictive', 'keyed',   NULL,           'proven write'),
    ('audit_logs',     'keyed_appends_to_proven_tenant',      'INSERT', 'permissive',  'keyed',   NULL,           'proven write'),
    ('audit_logs',     'keyed_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keyed',   'proven read',  NULL),
    ('audit_logs',     'keyed_reads_proven_tenant',           'SELECT', 'permissive',  'keyed',   'proven read',  NULL),
    ('audit_logs',     'nobody_changes_a_record',             'UPDATE', 'restrictive', 'keyed, trusted', 'false',  NULL),
    ('audit_logs',     'nobody_deletes_a_record',             'DELETE', 'restrictive', 'keyed, trusted', 'false',  NULL),
    ('audit_logs',     'owner_imports_to_proven_tenant',      'INSERT', 'permissive',  'owner',   NULL,           'proven import'),
    ('audit_logs',     'owner_reads_part_of_proven_tenant',   'SELECT', 'permissive',  'owner',   'proven part',   NULL),
    ('audit_logs',     'owner_reads_proven_tenant',           'SELECT', 'permissive',  'owner',   'proven caller', NULL),
    ('audit_logs',     'owner_replays_to_proven_tenant',      'INSERT', 'permissive',  'owner',   NULL,           'proven replay'),
    ('audit_logs',     'trusted_appends_to_own_tenant',       'INSERT', 'permissive',  'trusted', NULL,           'own, no key'),
    ('audit_logs',     'trusted_reads_own_tenant',            'SELECT', 'permissive',  'trusted', 'own',          NULL),
    ('audit_logs',     'trusted_stays_in_own_tenant',         'ALL',    'restrictive', 'trusted', 'own',          'own, no key'),
    ('idempotency_keys', 'owner_keeps_keys_of_writing_tenant', 'ALL',   'permissive',  'owner',   'writing',      'writing'),
    ('proof_secrets',  'owner_keeps_proof_secrets',           'ALL',    'permissive',  'owner',   'true',         'true'),
    ('checkpoints',    'keyed_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keyed',   'proven read',  NULL),
    ('checkpoints',    'keyed_reads_proven_tenant',           'SELECT', 'permissive',  'keyed',   'proven read',  NULL),
    ('checkpoints',    'nobody_changes_a_checkpoint',         'UPDATE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('checkpoints',    'nobody_deletes_a_checkpoint',         'DELETE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('checkpoints',    'owner_reads_for_signers',             'SELECT', 'permissive',  'owner',   'signer',       NULL),
    ('checkpoints',    'owner_reads_proven_tenant',           'SELECT', 'permissive',  'owner',   'proven caller', NULL),
    ('checkpoints',    'owner_signs_for_proven_tenant',       'INSERT', 'permissive',  'owner',   NULL,           'proven sign'),
    ('checkpoints',    'trusted_reads_own_tenant',            'SELECT', 'permissive',  'trusted', 'own',          NULL),
    ('checkpoints',    'trusted_stays_in_own_tenant',         'ALL',    'restrictive', 'trusted', 'own',          'own'),
    ('seal_nodes',     'keyed_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keyed',   'proven read',  NULL),
    ('seal_nodes',     'keyed_reads_proven_tenant',           'SELECT', 'permissive',  'keyed',   'proven read',  NULL),
    ('seal_nodes',     'nobody_changes_a_node',               'UPDATE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('seal_nodes',     'nobody_deletes_a_node',               'DELETE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('seal_nodes',     'owner_reads_proven_tenant',           'SELECT', 'permissive',  'owner',   'proven caller', NULL),
    ('seal_nodes',     'owner_seals_for_proven_tenant',       'INSERT', 'permissive',  'owner',   NULL,           'proven seal'),
    ('seal_nodes',     'trusted_reads_own_tenant',            'SELECT', 'permissive',  'trusted', 'own',          NULL),
    ('seal_nodes',     'trusted_stays_in_own_tenant',         'ALL',    'restrictive', 'trusted', 'own',          'own'),
    ('audit_logs',     'keeper_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('audit_logs',     'keeper_reads_proven_tenant',           'SELECT', 'permissive',  'keeper',  'proven keep',   NULL),
    ('audit_logs',     'keeper_prunes_only_proven_tenant',     'DELETE', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('audit_logs',     'keeper_prunes_proven_tenant',          'DELETE', 'permissive',  'keeper',  'proven keep',   NULL),
    ('audit_logs',     'keeper_erases_only_for_proven_tenant', 'UPDATE', 'restrictive', 'keeper',  'proven keep',   'proven keep, erased'),
    ('audit_logs',     'keeper_erases_for_proven_tenant',      'UPDATE', 'permissive',  'keeper',  'proven keep',   'proven keep, erased'),
    ('checkpoints',    'keeper_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('checkpoints',    'keeper_reads_proven_tenant',           'SELECT', 'permissive',  'keeper',  'proven keep',   NULL),
    ('legal_holds',    'keeper_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('legal_holds',    'keeper_reads_proven_tenant',           'SELECT', 'permissive',  'keeper',  'proven keep',   NULL),
    ('legal_holds',    'keeper_erases_only_for_proven_tenant', 'UPDATE', 'restrictive', 'keeper',  'proven keep',   'proven keep, released'),
    ('legal_holds',    'keeper_erases_for_proven_tenant',      'UPDATE', 'permissive',  'keeper',  'proven keep',   'proven keep, released'),
    ('retention',      'keeper_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('retention',      'keeper_reads_proven_tenant',           'SELECT', 'permissive',  'keeper',  'proven keep',   NULL),
    ('retention',      'keeper_moves_on_only_for_proven_tenant', 'UPDATE', 'restrictive', 'keeper',  'proven keep',   'proven keep'),
    ('retention',      'keeper_moves_on_for_proven_tenant',    'UPDATE', 'permissive',  'keeper',  'proven keep',   'proven keep'),
    ('seal_nodes',     'keeper_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('seal_nodes',     'keeper_reads_proven_tenant',           'SELECT', 'permissive',  'keeper',  'proven keep',   NULL),
    ('seals',          'keeper_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('seals',          'keeper_reads_proven_tenant',           'SELECT', 'permissive',  'keeper',  'proven keep',   NULL),
    ('seals',          'keeper_empties_only_for_proven_tenant', 'UPDATE', 'restrictive', 'keeper',  'proven keep',   'proven keep, no salt'),
    ('seals',          'keeper_empties_for_proven_tenant',     'UPDATE', 'permissive',  'keeper',  'proven keep',   'proven keep, no salt'),
    ('seals',          'keeper_folds_only_for_proven_tenant',  'DELETE', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('seals',          'keeper_folds_for_proven_tenant',       'DELETE', 'permissive',  'keeper',  'proven keep',   NULL),
    ('trees',          'keeper_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keeper',  'proven keep',   NULL),
    ('trees',          'keeper_reads_proven_tenant',           'SELECT', 'permissive',  'keeper',  'proven keep',   NULL),
    ('legal_holds',    'owner_keeps_legal_holds',              'ALL', 'permissive',  'owner',   'true',          'true'),
    ('pruned_ids',     'owner_keeps_pruned_ids',               'ALL', 'permissive',  'owner',   'true',          'true'),
    ('retention',      'owner_keeps_retention',                'ALL', 'permissive',  'owner',   'true',          'true'),
    ('retention_rules','owner_keeps_retention_rules',          'ALL', 'permissive',  'owner',   'true',          'true'),
    ('sealing_turn',   'owner_keeps_sealing_turn',            'ALL',    'permissive',  'owner',   'true',         'true'),
    ('seals',          'keyed_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keyed',   'proven read',  NULL),
    ('seals',          'keyed_reads_proven_tenant',           'SELECT', 'permissive',  'keyed',   'proven read',  NULL),
    ('seals',          'nobody_changes_a_leaf',               'UPDATE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('seals',          'nobody_deletes_a_leaf',               'DELETE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('seals',          'owner_reads_proven_tenant',           'SELECT', 'permissive',  'owner',   'proven caller', NULL),
    ('seals',          'owner_seals_for_proven_tenant',       'INSERT', 'permissive',  'owner',   NULL,           'proven seal'),
    ('seals',          'trusted_reads_own_tenant',            'SELECT', 'permissive',  'trusted', 'own',          NULL),
    ('seals',          'trusted_stays_in_own_tenant',         'ALL',    'restrictive', 'trusted', 'own',          'own'),
    ('trees',          'keyed_reads_only_proven_tenant',      'SELECT', 'restrictive', 'keyed',   'proven read',  NULL),
    ('trees',          'keyed_reads_proven_tenant',           'SELECT', 'permissive',  'keyed',   'proven read',  NULL),
    ('trees',          'nobody_changes_a_tree',               'UPDATE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('trees',          'nobody_deletes_a_tree',               'DELETE', 'restrictive', 'keyed, trusted', 'false',        NULL),
    ('trees',          'owner_grows_tree_of_proven_tenant',   'UPDATE', 'permissive',  'owner',   'proven seal',  'proven seal'),
    ('trees',          'owner_reads_for_signers',             'SELECT', 'permissive',  'owner',   'signer',       NULL),
    ('trees',          'owner_reads_proven_tenant',           'SELECT', 'permissive',  'owner',   'proven caller', NULL),
    ('trees',          'owner_seals_for_proven_tenant',       'INSERT', 'permissive',  'owner',   NULL,           'proven seal'),
    ('trees',          'trusted_reads_own_tenant',            'SELECT', 'permissive',  'trusted', 'own',          NULL),
    ('trees',          'trusted_stays_in_own_tenant',         'ALL',    'restrictive', 'trusted', 'own',          'own'),
    ('view_links',     'owner_keeps_view_links',              'ALL',    'permissive',  'owner',   'true',         'true'),
    ('tenants',        'owner_creates_tenants',               'INSERT', 'permissive',  'owner',   NULL,           'true'),
    ('tenants',        'owner_lists_tenants',                 'SELECT', 'permissive',  'owner',   'true',         NULL),
    ('tenants',        'trusted_reads_own_tenant',            'SELECT', 'permissive',  'trusted', 'own row',      NULL),
    ('tenants',        'trusted_stays_in_own_tenant',         'ALL',    'restrictive', 'trusted', 'own row',      'own row')
    ) AS p (relation, name, command, kind, role, visible, storable)
    LEFT JOIN expression AS visible ON visible.said = p.visible
    LEFT JOIN expression AS storable ON storable.said = p.storable;
SELECT bag_eq('EXECUTE policies', 'EXECUTE intended', 'every policy: its table, command, kind, roles, USING and WITH CHECK');

-- An IMMUTABLE helper in a policy was seen to return another tenant's rows, folded once at planning; a VOLATILE one is
-- called for every row. (Operators are left out: those of the catalogue are immutable and right to be.)
SELECT results_eq(
    $$SELECT DISTINCT f.oid::regprocedure::text, f.provolatile::text
      FROM pg_policy AS p
      JOIN pg_class AS c ON c.oid = p.polrelid AND c.relnamespace = 'audit'::regnamespace
      CROSS JOIN LATERAL regexp_matches(concat(p.polqual, p.polwithcheck), ':funcid ([0-9]+)', 'g') AS called (id)
      JOIN pg_proc AS f ON f.oid = called.id[1]::oid
      ORDER BY 1$$,
    $$VALUES ('audit.proven_restricted_tenant(text)', 's'), ('audit.proven_restriction(text)', 's'), ('audit.proven_tenant(text)', 's'), ('audit.proven_writer(text)', 's'), ('audit.writing_tenant()', 's'), ('concat("any")', 's'),
             ('current_setting(text,boolean)', 's'),
             ('pg_has_role(name,name,text)', 's')$$,
    'policies call concat, current_setting, pg_has_role and what checks a proof alone, which are stable: neither IMMUTABLE nor VOLATILE');
-- Each is named by its number, not by whatever an operator or function of that name would be in a reader's search_path.
SELECT is_empty(
    $$SELECT DISTINCT o.oid::regoperator
      FROM pg_policy AS p
      JOIN pg_class AS c ON c.oid = p.polrelid AND c.relnamespace = 'audit'::regnamespace
      CROSS JOIN LATERAL regexp_matches(concat(p.polqual, p.polwithcheck), ':opno ([0-9]+)', 'g') AS used (id)
      JOIN pg_operator AS o ON o.oid = used.id[1]::oid
      WHERE o.oid <> 'pg_catalog.=(text,text)'::regoperator AND p.polname <> 'owner_reads_part_of_proven_tenant'$$,
    'policies compare with the = of text and with no other operator');
-- The part that a restricted key shows has times and columns that may be NULL: that policy is held to its very words above, and left out here.
-- The one sub-select there may be: a function of ours without FROM or condition, compared with =. What is left after it is taken
-- out must be plain.
PREPARE winding AS
    SELECT DISTINCT p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
    CROSS JOIN LATERAL (VALUES (p.polqual), (p.polwithcheck)) AS clause (expression)
    WHERE c.relnamespace = 'audit'::regnamespace AND p.polname <> 'owner_reads_part_of_proven_tenant'
      AND (clause.expression ~ '\{(CASE|COALESCE)[A-Z]* |:boolop (or|not) '
           OR regexp_replace(pg_get_expr(clause.expression, p.polrelid),
                  ' = \( SELECT audit\.(proven_tenant\((''[a-z]+''::text|current_setting\(''app\.scope''::text, true\))\) AS proven_tenant'
                  '|proven_writer\(''[a-z]+''::text\) AS proven_writer|writing_tenant\(\) AS writing_tenant)\)', '', 'g') ~ 'SELECT');
SELECT is_empty('EXECUTE winding', 'no policy has OR, NOT, CASE or COALESCE, nor a sub-select but for the proof');
SELECT is_empty(
    $$SELECT p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
      WHERE c.relnamespace = 'audit'::regnamespace AND 0 = ANY (p.polroles)$$,
    'no policy is for PUBLIC');

CREATE POLICY winding_1 ON audit.api_keys USING (tenant_id = 'a' OR tenant_id = 'b');
CREATE POLICY winding_2 ON audit.api_keys USING (NOT tenant_id = 'a');
CREATE POLICY winding_3 ON audit.api_keys USING (tenant_id = (SELECT 'a'));
CREATE POLICY winding_4 ON audit.api_keys USING (CASE WHEN tenant_id = 'a' THEN true END);
CREATE POLICY winding_5 ON audit.api_keys USING (coalesce(tenant_id = 'a', true));
CREATE POLICY winding_6 ON audit.api_keys USING (tenant_id = (SELECT audit.proven_tenant('read') WHERE false));
CREATE POLICY winding_7 ON audit.api_keys USING (tenant_id = (SELECT audit.proven_tenant(t.id) FROM audit.tenants AS t LIMIT 1));
CREATE POLICY winding_8 ON audit.api_keys USING (tenant_id = (SELECT audit.proven_tenant(tenant_id)));
CREATE POLICY winding_9 ON audit.api_keys USING (tenant_id IN (SELECT audit.proven_tenant('read')));
CREATE POLICY winding_10 ON audit.api_keys USING (EXISTS (SELECT audit.writing_tenant()));
CREATE POLICY winding_11 ON audit.api_keys USING (id IS NOT DISTINCT FROM (SELECT audit.proven_writer('write')));
CREATE POLICY winding_12 ON audit.api_keys USING (tenant_id = (SELECT audit.proven_writer(tenant_id)));
CREATE POLICY plain ON audit.api_keys USING (tenant_id = (SELECT audit.proven_tenant('read')));
SELECT bag_eq('EXECUTE winding', $$SELECT format('winding_%s', n)::name FROM generate_series(1, 12) AS n$$,
    'each of these is noticed, and the plain one is not');

SELECT * FROM finish();
ROLLBACK;
