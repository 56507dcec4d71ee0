-- One Merkle tree (RFC 6962) for each tenant and epoch, over its records in the order in which their transactions got their numbers.
-- An INSERT of a record touches none of these tables: audit.seal_records() appends to them afterwards.

GRANT USAGE ON SCHEMA audit TO audit_sealer, audit_signer;

CREATE TABLE audit.trees (
    tenant_id  text        NOT NULL CONSTRAINT trees_tenant_id_fkey REFERENCES audit.tenants (id),
    epoch      int         NOT NULL,
    size       bigint      NOT NULL,
    root       bytea       NOT NULL,
    frontier   bytea       NOT NULL,
    history_at timestamptz,
    history_id uuid,
    sealed_xid xid8,
    sealed_id  uuid,
    began_at   timestamptz NOT NULL,
    CONSTRAINT trees_pkey PRIMARY KEY (tenant_id, epoch),
    CONSTRAINT trees_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT trees_epoch_range CHECK (epoch >= 1),
    CONSTRAINT trees_size_range CHECK (size >= 0),
    CONSTRAINT trees_root_size CHECK (octet_length(root) = 32),
    CONSTRAINT trees_frontier_size CHECK (octet_length(frontier) <= 2016 AND octet_length(frontier) % 32 = 0),
    CONSTRAINT trees_history_position CHECK ((history_at IS NULL) = (history_id IS NULL)),
    CONSTRAINT trees_sealed_position CHECK ((sealed_xid IS NULL) = (sealed_id IS NULL)),
    CONSTRAINT trees_began_at_range CHECK (began_at >= '1970-01-01 00:00:00+00' AND began_at < '10000-01-01 00:00:00+00')
);
COMMENT ON TABLE audit.trees IS
    'One Merkle tree (RFC 6962) for each tenant and epoch. audit.seal_records() appends to the newest epoch of a tenant; an older '
    'one is closed and does not change. Row-level security: a transaction sees the trees of the tenant it is set to.';
COMMENT ON COLUMN audit.trees.tenant_id IS 'Whose tree this is.';
COMMENT ON COLUMN audit.trees.epoch IS
    '1 for the first. The next one begins after a restore or a failover, with audit.begin_epoch().';
COMMENT ON COLUMN audit.trees.size IS 'Number of leaves.';
COMMENT ON COLUMN audit.trees.root IS 'Hash of all leaves: the root of RFC 6962. Of an empty tree: SHA-256 of nothing.';
COMMENT ON COLUMN audit.trees.frontier IS
    'The hashes of the maximal complete subtrees, from the left, 32 bytes each: one for each bit that is set in size. With them a '
    'leaf is appended without reading the leaves before it.';
COMMENT ON COLUMN audit.trees.history_at IS
    'created_at of the last sealed record among those from before recorded_xid, which are sealed first, by (created_at, id).';
COMMENT ON COLUMN audit.trees.history_id IS 'Its id.';
COMMENT ON COLUMN audit.trees.sealed_xid IS
    'recorded_xid up to which records are sealed, by (recorded_xid, id). NULL: records from before recorded_xid are still being '
    'sealed. Granted to nobody: a transaction number tells one tenant how busy the others are.';
COMMENT ON COLUMN audit.trees.sealed_id IS 'The id up to which the records of that transaction are sealed.';
COMMENT ON COLUMN audit.trees.began_at IS 'The database''s clock when the tree was made.';
COMMENT ON CONSTRAINT trees_pkey ON audit.trees IS 'One tree a tenant and epoch.';
COMMENT ON CONSTRAINT trees_tenant_id_fkey ON audit.trees IS 'No tree for a tenant that does not exist.';
COMMENT ON CONSTRAINT trees_tenant_id_form ON audit.trees IS 'The form of audit.tenants.id; so never the empty string.';
COMMENT ON CONSTRAINT trees_epoch_range ON audit.trees IS 'The first epoch is 1.';
COMMENT ON CONSTRAINT trees_size_range ON audit.trees IS 'Not negative.';
COMMENT ON CONSTRAINT trees_root_size ON audit.trees IS 'A SHA-256.';
COMMENT ON CONSTRAINT trees_frontier_size ON audit.trees IS 'Whole SHA-256 hashes, at most one for each bit of size.';
COMMENT ON CONSTRAINT trees_history_position ON audit.trees IS 'A position has both parts.';
COMMENT ON CONSTRAINT trees_sealed_position ON audit.trees IS 'A position has both parts.';
COMMENT ON CONSTRAINT trees_began_at_range ON audit.trees IS 'A time that is written with a year of four digits.';

-- No foreign key to trees: its check would cost more than all the hashing, and only functions that have locked the tree write here.
CREATE TABLE audit.seals (
    tenant_id  text   NOT NULL,
    epoch      int    NOT NULL,
    leaf_index bigint NOT NULL,
    leaf_hash  bytea  NOT NULL,
    record_id  uuid,
    salt       bytea,
    line       text,
    CONSTRAINT seals_pkey PRIMARY KEY (tenant_id, epoch, leaf_index),
    CONSTRAINT seals_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT seals_leaf_index_range CHECK (leaf_index >= 0),
    CONSTRAINT seals_leaf_hash_size CHECK (octet_length(leaf_hash) = 32),
    CONSTRAINT seals_salt_size CHECK (octet_length(salt) = 32),
    CONSTRAINT seals_record_or_statement CHECK ((record_id IS NULL) = (line IS NOT NULL))
);
CREATE UNIQUE INDEX seals_tenant_id_record_id_idx ON audit.seals (tenant_id, record_id) WHERE record_id IS NOT NULL;
COMMENT ON TABLE audit.seals IS
    'The leaves of the trees, append-only: one row for each sealed record, and for each statement about a tree. Row-level security: '
    'a transaction sees the leaves of the tenant it is set to.';
COMMENT ON COLUMN audit.seals.tenant_id IS 'Whose leaf this is.';
COMMENT ON COLUMN audit.seals.epoch IS 'The epoch of its tree.';
COMMENT ON COLUMN audit.seals.leaf_index IS 'Its place in the tree; the first leaf is 0.';
COMMENT ON COLUMN audit.seals.leaf_hash IS 'SHA-256 of a zero byte and the leaf''s line.';
COMMENT ON COLUMN audit.seals.record_id IS 'The record that is sealed; audit.record_leaf_line() makes its line. NULL: a statement.';
COMMENT ON COLUMN audit.seals.salt IS
    '32 random bytes in the private line of the record, so that nobody can guess from the digest what was erased. NULL: a '
    'statement, or the private part is erased.';
COMMENT ON COLUMN audit.seals.line IS 'The line of a statement. NULL: a record.';
COMMENT ON CONSTRAINT seals_pkey ON audit.seals IS 'A leaf has one place.';
COMMENT ON CONSTRAINT seals_tenant_id_form ON audit.seals IS 'The form of audit.tenants.id; so never the empty string.';
COMMENT ON CONSTRAINT seals_leaf_index_range ON audit.seals IS 'The first leaf is 0.';
COMMENT ON CONSTRAINT seals_leaf_hash_size ON audit.seals IS 'A SHA-256.';
COMMENT ON CONSTRAINT seals_salt_size ON audit.seals IS '32 bytes.';
COMMENT ON CONSTRAINT seals_record_or_statement ON audit.seals IS 'A leaf is a record''s, or has a line of its own.';
COMMENT ON INDEX audit.seals_tenant_id_record_id_idx IS 'A record is sealed once. Serves proofs of one record.';

CREATE TABLE audit.seal_nodes (
    tenant_id  text   NOT NULL,
    epoch      int    NOT NULL,
    level      int    NOT NULL,
    node_index bigint NOT NULL,
    hash       bytea  NOT NULL,
    CONSTRAINT seal_nodes_pkey PRIMARY KEY (tenant_id, epoch, level, node_index),
    CONSTRAINT seal_nodes_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT seal_nodes_level_range CHECK (level BETWEEN 1 AND 7),
    CONSTRAINT seal_nodes_node_index_range CHECK (node_index >= 0),
    CONSTRAINT seal_nodes_hash_size CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE audit.seal_nodes IS
    'Hashes of complete subtrees of 256, 256^2, ... leaves, append-only: a proof reads a few of them in place of millions of leaves. '
    'Row-level security: a transaction sees the nodes of the tenant it is set to.';
COMMENT ON COLUMN audit.seal_nodes.tenant_id IS 'Whose node this is.';
COMMENT ON COLUMN audit.seal_nodes.epoch IS 'The epoch of its tree.';
COMMENT ON COLUMN audit.seal_nodes.level IS 'k: the subtree has 256^k leaves.';
COMMENT ON COLUMN audit.seal_nodes.node_index IS 'n: its leaves are n * 256^k and those after it.';
COMMENT ON COLUMN audit.seal_nodes.hash IS 'The root of the subtree.';
COMMENT ON CONSTRAINT seal_nodes_pkey ON audit.seal_nodes IS 'A subtree has one hash.';
COMMENT ON CONSTRAINT seal_nodes_tenant_id_form ON audit.seal_nodes IS 'The form of audit.tenants.id; so never the empty string.';
COMMENT ON CONSTRAINT seal_nodes_level_range ON audit.seal_nodes IS '256^7 leaves are more than a tree can have.';
COMMENT ON CONSTRAINT seal_nodes_node_index_range ON audit.seal_nodes IS 'The first node is 0.';
COMMENT ON CONSTRAINT seal_nodes_hash_size ON audit.seal_nodes IS 'A SHA-256.';

CREATE TABLE audit.checkpoints (
    tenant_id  text        NOT NULL,
    epoch      int         NOT NULL,
    size       bigint      NOT NULL,
    root       bytea       NOT NULL,
    note       text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT checkpoints_pkey PRIMARY KEY (tenant_id, epoch, size),
    CONSTRAINT checkpoints_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT checkpoints_tenant_id_epoch_fkey FOREIGN KEY (tenant_id, epoch) REFERENCES audit.trees (tenant_id, epoch),
    CONSTRAINT checkpoints_size_range CHECK (size >= 0),
    CONSTRAINT checkpoints_root_size CHECK (octet_length(root) = 32),
    CONSTRAINT checkpoints_note_size CHECK (length(note) BETWEEN 1 AND 8192)
);
COMMENT ON TABLE audit.checkpoints IS
    'Tree heads that the signer has signed, append-only. Row-level security: a transaction sees the checkpoints of the tenant it '
    'is set to.';
COMMENT ON COLUMN audit.checkpoints.tenant_id IS 'Whose tree was signed.';
COMMENT ON COLUMN audit.checkpoints.epoch IS 'The epoch of its tree.';
COMMENT ON COLUMN audit.checkpoints.size IS 'Number of leaves that the signature covers.';
COMMENT ON COLUMN audit.checkpoints.root IS 'Root of the tree of that size.';
COMMENT ON COLUMN audit.checkpoints.note IS 'The signed note (C2SP tlog-checkpoint), as the signer made it.';
COMMENT ON COLUMN audit.checkpoints.created_at IS 'The database''s clock when the note was stored.';
COMMENT ON CONSTRAINT checkpoints_pkey ON audit.checkpoints IS 'One checkpoint a size.';
COMMENT ON CONSTRAINT checkpoints_tenant_id_form ON audit.checkpoints IS 'The form of audit.tenants.id; so never the empty string.';
COMMENT ON CONSTRAINT checkpoints_tenant_id_epoch_fkey ON audit.checkpoints IS 'No checkpoint of a tree that does not exist.';
COMMENT ON CONSTRAINT checkpoints_size_range ON audit.checkpoints IS 'Not negative.';
COMMENT ON CONSTRAINT checkpoints_root_size ON audit.checkpoints IS 'A SHA-256.';
COMMENT ON CONSTRAINT checkpoints_note_size ON audit.checkpoints IS '1 to 8,192 characters.';

-- Where audit.seal_records() goes on, so that each tenant has its turn. In a table, since a setting would tell a caller the name of
-- another tenant.
CREATE TABLE audit.sealing_turn (
    is_only     boolean NOT NULL DEFAULT true,
    last_tenant text    NOT NULL,
    CONSTRAINT sealing_turn_pkey PRIMARY KEY (is_only),
    CONSTRAINT sealing_turn_is_only CHECK (is_only)
);
INSERT INTO audit.sealing_turn (last_tenant) VALUES ('');
COMMENT ON TABLE audit.sealing_turn IS
    'One row: the tenant whose turn came last in audit.seal_records(). It decides the order of the work and nothing else. Nobody '
    'but audit_owner reads it.';
COMMENT ON COLUMN audit.sealing_turn.is_only IS 'Always true: there is one row.';
COMMENT ON COLUMN audit.sealing_turn.last_tenant IS 'The next turn is that of the tenant after it, by id. Empty: of the first.';
COMMENT ON CONSTRAINT sealing_turn_pkey ON audit.sealing_turn IS 'One row.';
COMMENT ON CONSTRAINT sealing_turn_is_only ON audit.sealing_turn IS 'One row.';

-- Closed until their pages in db/policies open them: no moment exists in which a table is unprotected.
ALTER TABLE audit.trees ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.trees FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.seals FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.seal_nodes ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.seal_nodes FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.checkpoints FORCE ROW LEVEL SECURITY;
ALTER TABLE audit.sealing_turn ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.sealing_turn FORCE ROW LEVEL SECURITY;

-- The rule only grows, so no row can break it.
-- squawk-ignore ban-drop-constraint
ALTER TABLE audit.admin_events DROP CONSTRAINT admin_events_act_known;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.admin_events ADD CONSTRAINT admin_events_act_known CHECK (act IN (
    'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported',
    'records replayed', 'records imported', 'records read', 'epoch begun'));
COMMENT ON CONSTRAINT admin_events_act_known ON audit.admin_events IS 'One of the acts that have a function.';
