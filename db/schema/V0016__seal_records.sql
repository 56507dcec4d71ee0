-- One Merkle tree (RFC 6962) for each tenant and epoch, over its records in the order in which their transactions got their numbers.
-- An INSERT of a record touches none of these tables: audit.seal_records() appends to them afterwards.

CREATE TABLE audit.trees (
    tenant_id    text        NOT NULL REFERENCES audit.tenants (id),
    epoch        int         NOT NULL,
    size         bigint      NOT NULL DEFAULT 0,
    root         bytea       NOT NULL,   -- of all leaves
    frontier     bytea       NOT NULL DEFAULT '',   -- 32 bytes for each maximal complete subtree, from the left
    history_at   timestamptz,            -- position among the records from before recorded_xid
    history_id   uuid,
    sealed_xid   xid8,                   -- position among the others
    sealed_id    uuid,
    began_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, epoch),
    CONSTRAINT trees_epoch_range CHECK (epoch >= 1),
    CONSTRAINT trees_size_range CHECK (size >= 0),
    CONSTRAINT trees_root_size CHECK (octet_length(root) = 32)
);

CREATE TABLE audit.seals (
    tenant_id    text   NOT NULL,
    epoch        int    NOT NULL,
    leaf_index   bigint NOT NULL,
    leaf_hash    bytea  NOT NULL,
    record_id    uuid,                   -- NULL: a statement
    salt         bytea,                  -- of a record's private line
    line         text,                   -- of a statement
    PRIMARY KEY (tenant_id, epoch, leaf_index),
    FOREIGN KEY (tenant_id, epoch) REFERENCES audit.trees (tenant_id, epoch),
    CONSTRAINT seals_leaf_hash_size CHECK (octet_length(leaf_hash) = 32),
    CONSTRAINT seals_salt_size CHECK (octet_length(salt) = 32),
    CONSTRAINT seals_record_or_statement CHECK ((record_id IS NULL) = (line IS NOT NULL))
);
CREATE UNIQUE INDEX seals_tenant_id_record_id_idx ON audit.seals (tenant_id, record_id) WHERE record_id IS NOT NULL;

CREATE TABLE audit.seal_nodes (
    tenant_id    text   NOT NULL,
    epoch        int    NOT NULL,
    level        int    NOT NULL,        -- k: complete subtrees of 256^k leaves
    node_index   bigint NOT NULL,
    hash         bytea  NOT NULL,
    PRIMARY KEY (tenant_id, epoch, level, node_index),
    FOREIGN KEY (tenant_id, epoch) REFERENCES audit.trees (tenant_id, epoch),
    CONSTRAINT seal_nodes_level_range CHECK (level BETWEEN 1 AND 7),
    CONSTRAINT seal_nodes_hash_size CHECK (octet_length(hash) = 32)
);

CREATE TABLE audit.checkpoints (
    tenant_id    text        NOT NULL,
    epoch        int         NOT NULL,
    size         bigint      NOT NULL,
    root         bytea       NOT NULL,
    note         text        NOT NULL,   -- C2SP signed note
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, epoch, size),
    FOREIGN KEY (tenant_id, epoch) REFERENCES audit.trees (tenant_id, epoch),
    CONSTRAINT checkpoints_root_size CHECK (octet_length(root) = 32),
    CONSTRAINT checkpoints_note_size CHECK (length(note) BETWEEN 1 AND 8192)
);
