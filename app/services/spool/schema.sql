-- The spool's file, in SQLite. A commit is on the disk before it returns: write-ahead log, synchronous = FULL. Several worker processes share
-- the file, and SQLite locks it. Pages that a replay has emptied are used again; the file does not become smaller.
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
-- The log stays at about a mebibyte.
PRAGMA wal_autocheckpoint = 256;
PRAGMA journal_size_limit = 1048576;
PRAGMA temp_store = MEMORY;

-- Made once.
BEGIN IMMEDIATE;

-- Records for the database, in the order of their replay.
CREATE TABLE IF NOT EXISTS waiting (
    id         INTEGER PRIMARY KEY,
    tenant     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    line       BLOB NOT NULL
);

-- Records that the database has refused for good: each as JSON, with the reason as `refused`. An operator may delete them.
CREATE TABLE IF NOT EXISTS dead_letters (
    record     TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    created_at TEXT NOT NULL
) WITHOUT ROWID;

-- What each tenant holds of the two, counted by the triggers below, so that no append reads the whole file.
CREATE TABLE IF NOT EXISTS usage (
    state   TEXT,
    tenant  TEXT,
    records INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (state, tenant)
) WITHOUT ROWID;

-- Credentials that the database has accepted within the last quarter of an hour, as each worker has seen it.
CREATE TABLE IF NOT EXISTS known_credentials (
    worker           TEXT,
    digest           BLOB,
    tenant_source    TEXT NOT NULL,
    tenant_id        TEXT NOT NULL,
    scopes           TEXT NOT NULL,
    expires_at       TEXT,
    spool_key_source TEXT NOT NULL,
    accepted_at      REAL NOT NULL,
    PRIMARY KEY (worker, digest)
) WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS waiting_added AFTER INSERT ON waiting BEGIN
    INSERT INTO usage VALUES ('waiting', new.tenant, 1, length(new.line))
    ON CONFLICT DO UPDATE SET records = records + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER IF NOT EXISTS waiting_deleted AFTER DELETE ON waiting BEGIN
    UPDATE usage SET records = records - 1, bytes = bytes - length(old.line) WHERE state = 'waiting' AND tenant = old.tenant;
END;

CREATE TRIGGER IF NOT EXISTS dead_letter_added AFTER INSERT ON dead_letters BEGIN
    INSERT INTO usage VALUES ('dead letters', new.tenant, 1, length(new.record))
    ON CONFLICT DO UPDATE SET records = records + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER IF NOT EXISTS dead_letter_deleted AFTER DELETE ON dead_letters BEGIN
    UPDATE usage SET records = records - 1, bytes = bytes - length(old.record) WHERE state = 'dead letters' AND tenant = old.tenant;
END;

PRAGMA user_version = 1;

COMMIT;
