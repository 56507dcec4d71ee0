-- Proves: the columns and constraints of the tables of evidence are exactly these.

BEGIN;
SELECT plan(15);
-- The server shows the times in a CHECK in the session's zone.
SET LOCAL timezone = 'UTC';

SELECT table_owner_is('audit', name, 'audit_owner', format('audit_owner owns %s', name))
FROM (VALUES ('trees'::name), ('seals'), ('seal_nodes'), ('checkpoints'), ('sealing_turn')) AS t (name);

PREPARE columns (text) AS
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid) COLLATE "default"
    FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum;
SELECT results_eq($$EXECUTE columns ('audit.trees')$$,
    $$VALUES ('tenant_id'::name, 'text', true, NULL),
             ('epoch', 'integer', true, NULL),
             ('size', 'bigint', true, NULL),
             ('root', 'bytea', true, NULL),
             ('frontier', 'bytea', true, NULL),
             ('history_at', 'timestamp with time zone', false, NULL),
             ('history_id', 'uuid', false, NULL),
             ('sealed_xid', 'xid8', false, NULL),
             ('sealed_id', 'uuid', false, NULL),
             ('began_at', 'timestamp with time zone', true, NULL)$$,
    'trees: a head, what it grows from, and the positions up to which records are sealed');
SELECT results_eq($$EXECUTE columns ('audit.seals')$$,
    $$VALUES ('tenant_id'::name, 'text', true, NULL),
             ('epoch', 'integer', true, NULL),
             ('leaf_index', 'bigint', true, NULL),
             ('leaf_hash', 'bytea', true, NULL),
             ('record_id', 'uuid', false, NULL),
             ('salt', 'bytea', false, NULL),
             ('line', 'text', false, NULL),
             ('private_sha256', 'bytea', false, NULL)$$,
    'seals: a leaf, of a record or of a statement, whose salt can go and leave its digest');
SELECT results_eq($$EXECUTE columns ('audit.seal_nodes')$$,
    $$VALUES ('tenant_id'::name, 'text', true, NULL),
             ('epoch', 'integer', true, NULL),
             ('level', 'integer', true, NULL),
             ('node_index', 'bigint', true, NULL),
             ('hash', 'bytea', true, NULL)$$,
    'seal_nodes: a hash, and where in the tree');
SELECT results_eq($$EXECUTE columns ('audit.checkpoints')$$,
    $$VALUES ('tenant_id'::name, 'text', true, NULL),
             ('epoch', 'integer', true, NULL),
             ('size', 'bigint', true, NULL),
             ('root', 'bytea', true, NULL),
             ('note', 'text', true, NULL),
             ('created_at', 'timestamp with time zone', true, NULL)$$,
    'checkpoints: what was signed, and the note');
SELECT results_eq($$EXECUTE columns ('audit.sealing_turn')$$,
    $$VALUES ('is_only'::name, 'boolean', true, 'true'),
             ('last_tenant', 'text', true, NULL)$$,
    'sealing_turn: one row');

-- NOT NULL is asserted with the columns: only PostgreSQL 18 counts it among the constraints.
PREPARE constraints (text) AS
    SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint AS c
    WHERE c.conrelid = $1::regclass AND c.contype <> 'n' ORDER BY c.conname;
SELECT results_eq($$EXECUTE constraints ('audit.trees')$$,
    $$VALUES ('trees_began_at_range'::name, 'CHECK (((began_at >= ''1970-01-01 00:00:00+00''::timestamp with time zone)'
            || ' AND (began_at < ''10000-01-01 00:00:00+00''::timestamp with time zone)))'),
             ('trees_epoch_range', 'CHECK ((epoch >= 1))'),
             ('trees_frontier_size', 'CHECK (((octet_length(frontier) <= 2016) AND ((octet_length(frontier) % 32) = 0)))'),
             ('trees_history_position', 'CHECK (((history_at IS NULL) = (history_id IS NULL)))'),
             ('trees_pkey', 'PRIMARY KEY (tenant_id, epoch)'),
             ('trees_root_size', 'CHECK ((octet_length(root) = 32))'),
             ('trees_sealed_position', 'CHECK (((sealed_xid IS NULL) = (sealed_id IS NULL)))'),
             ('trees_size_range', 'CHECK ((size >= 0))'),
             ('trees_tenant_id_fkey', 'FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id)'),
             ('trees_tenant_id_form', 'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'the constraints of trees');
SELECT results_eq($$EXECUTE constraints ('audit.seals')$$,
    $$VALUES ('seals_leaf_hash_size'::name, 'CHECK ((octet_length(leaf_hash) = 32))'),
             ('seals_leaf_index_range', 'CHECK ((leaf_index >= 0))'),
             ('seals_pkey', 'PRIMARY KEY (tenant_id, epoch, leaf_index)'),
             ('seals_private_sha256_size', 'CHECK ((octet_length(private_sha256) = 32))'),
             ('seals_record_or_statement', E'CHECK (\nCASE\n    WHEN (record_id IS NULL) THEN (num_nonnulls(salt, private_sha256) = 0)\n'
                 || E'    ELSE ((line IS NULL) AND (num_nonnulls(salt, private_sha256) = 1))\nEND)'),
             ('seals_salt_size', 'CHECK ((octet_length(salt) = 32))'),
             ('seals_tenant_id_form', 'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'the constraints of seals');
SELECT results_eq($$EXECUTE constraints ('audit.seal_nodes')$$,
    $$VALUES ('seal_nodes_hash_size'::name, 'CHECK ((octet_length(hash) = 32))'),
             ('seal_nodes_level_range', 'CHECK (((level >= 1) AND (level <= 7)))'),
             ('seal_nodes_node_index_range', 'CHECK ((node_index >= 0))'),
             ('seal_nodes_pkey', 'PRIMARY KEY (tenant_id, epoch, level, node_index)'),
             ('seal_nodes_tenant_id_form', 'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'the constraints of seal_nodes');
SELECT results_eq($$EXECUTE constraints ('audit.checkpoints')$$,
    $$VALUES ('checkpoints_note_size'::name, 'CHECK (((length(note) >= 1) AND (length(note) <= 8192)))'),
             ('checkpoints_pkey', 'PRIMARY KEY (tenant_id, epoch, size)'),
             ('checkpoints_root_size', 'CHECK ((octet_length(root) = 32))'),
             ('checkpoints_size_range', 'CHECK ((size >= 0))'),
             ('checkpoints_tenant_id_epoch_fkey', 'FOREIGN KEY (tenant_id, epoch) REFERENCES audit.trees(tenant_id, epoch)'),
             ('checkpoints_tenant_id_form', 'CHECK ((tenant_id ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))')$$,
    'the constraints of checkpoints');
SELECT results_eq($$EXECUTE constraints ('audit.sealing_turn')$$,
    $$VALUES ('sealing_turn_is_only'::name, 'CHECK (is_only)'),
             ('sealing_turn_pkey', 'PRIMARY KEY (is_only)')$$,
    'the constraints of sealing_turn');

SELECT * FROM finish();
ROLLBACK;
