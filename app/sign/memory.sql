-- The signer's memory: for each tenant and epoch the last head that was signed, written before the signature leaves.
-- One file and no log beside it, so that a copy of the file is a whole backup; EXTRA: a crash of the machine loses nothing.
PRAGMA journal_mode = DELETE;
PRAGMA synchronous = EXTRA;

-- Made once.
CREATE TABLE heads (
    tenant_id      TEXT    NOT NULL,
    epoch          INTEGER NOT NULL,
    size           INTEGER NOT NULL,            -- 0: nothing was signed
    root           BLOB    NOT NULL,
    note           TEXT,                        -- the last checkpoint that was stored
    note_size      INTEGER NOT NULL DEFAULT 0,
    published_size INTEGER NOT NULL DEFAULT 0,  -- of the last checkpoint that reached every place outside
    refused        TEXT,                        -- why nothing is signed until the operator acts
    PRIMARY KEY (tenant_id, epoch)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
