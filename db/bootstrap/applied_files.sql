-- Which file of db/ was applied here, and with what content: pgmigrate remembers version numbers only, so an edited
-- file would go unnoticed. Run as audit_owner before every migration. Idempotent.

-- Two migrations at once: the second waits here, and then finds everything done.
SELECT pg_advisory_xact_lock(hashtext('ringfence migration'));

CREATE TABLE IF NOT EXISTS pgmigrate.applied_files (
    path       text        PRIMARY KEY,
    sha256     text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text        NOT NULL DEFAULT session_user
);
COMMENT ON TABLE pgmigrate.applied_files IS
    'One row for each file of db/schema, db/functions and db/policies that this database has, as it was applied.';
COMMENT ON COLUMN pgmigrate.applied_files.path IS 'Relative to db/, for example functions/tenant/set_tenant.sql.';
COMMENT ON COLUMN pgmigrate.applied_files.sha256 IS 'Of the bytes of the file as applied.';
COMMENT ON COLUMN pgmigrate.applied_files.applied_at IS 'When that content was applied.';
COMMENT ON COLUMN pgmigrate.applied_files.applied_by IS 'The login role that applied it.';

CREATE OR REPLACE FUNCTION pgmigrate.list_applied_files()
RETURNS TABLE (path text, sha256 text)
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f.path, f.sha256 FROM pgmigrate.applied_files AS f ORDER BY f.path COLLATE "C"
$$;
COMMENT ON FUNCTION pgmigrate.list_applied_files IS 'The files applied here, by path.';
REVOKE ALL ON FUNCTION pgmigrate.list_applied_files FROM PUBLIC;

-- sha256 NULL: the file is gone from the release and from here.
CREATE OR REPLACE FUNCTION pgmigrate.record_applied_file(p_path text, p_sha256 text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_sha256 IS NULL THEN
        DELETE FROM pgmigrate.applied_files AS f WHERE f.path = p_path;
        RETURN;
    END IF;
    INSERT INTO pgmigrate.applied_files AS f (path, sha256)
    VALUES (p_path, p_sha256)
    ON CONFLICT (path) DO UPDATE SET sha256 = EXCLUDED.sha256, applied_at = now(), applied_by = session_user
    WHERE f.sha256 <> EXCLUDED.sha256;
END
$$;
COMMENT ON FUNCTION pgmigrate.record_applied_file IS
    'Records that a file was applied with this content, or, with p_sha256 NULL, that it is no longer part of the release.';
REVOKE ALL ON FUNCTION pgmigrate.record_applied_file FROM PUBLIC;
