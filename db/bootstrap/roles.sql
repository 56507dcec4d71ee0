-- The roles of the cluster. The one file that needs CREATEROLE; the DBA who runs it decides who may log in as whom.
-- Idempotent: what exists is left alone, so a login without CREATEROLE may run it again on an installed cluster.
-- No role here is SUPERUSER, BYPASSRLS, CREATEROLE, CREATEDB or REPLICATION; the login roles get their passwords
-- from the operator (\password audit_app), never from a file.

-- Two migrations at once would both find a role missing. Held until the end of the transaction.
SELECT pg_advisory_xact_lock(hashtext('ringfence migration'));

DO $$
DECLARE
    v_role record;
BEGIN
    FOR v_role IN
        SELECT * FROM (VALUES
            ('audit_owner',    'NOLOGIN NOINHERIT', 'Ringfence: owns schema audit and all in it. Nobody connects as it.'),
            ('audit_keeper',   'NOLOGIN',         'Ringfence: owns the functions that prune and erase, and alone may delete '
                                                  'records. Nobody connects as it.'),
            ('audit_migrator', 'LOGIN NOINHERIT', 'Ringfence: may SET ROLE audit_owner, to migrate.'),
            ('audit_trusted',  'NOLOGIN',         'Ringfence, group: names its own tenant. For a gateway that has '
                                                  'authenticated its caller, and for a DBA in psql.'),
            ('audit_keyed',    'NOLOGIN',         'Ringfence, group: must prove its tenant with an API key; naming one is '
                                                  'not enough.'),
            ('audit_admin',    'NOLOGIN',         'Ringfence, group: creates tenants, issues and revokes keys, through '
                                                  'functions only. Reads no log.'),
            ('audit_sealer',   'NOLOGIN',         'Ringfence, group: seals records, and learns how far sealing is. Reads no log.'),
            ('audit_signer',   'NOLOGIN',         'Ringfence, group: reads tree heads and stores signed checkpoints. Reads no log.'),
            ('audit_retention', 'NOLOGIN',        'Ringfence, group: prunes records, through functions only. Reads no log.'),
            ('audit_eraser',   'NOLOGIN',         'Ringfence, group: erases people, through functions only. Reads no log.'),
            ('audit_app',      'LOGIN',           'Ringfence: the service at run time. Member of one group, of nothing else.')
        ) AS role (name, attributes, purpose)
    LOOP
        IF to_regrole(v_role.name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I %s', v_role.name, v_role.attributes);
            EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name, v_role.purpose);
            IF v_role.name = 'audit_app' THEN
                -- Bounds for whatever the service runs, in the database so that they hold behind any pooler.
                ALTER ROLE audit_app SET statement_timeout = '15s';
                ALTER ROLE audit_app SET lock_timeout = '5s';
                ALTER ROLE audit_app SET idle_in_transaction_session_timeout = '15s';
                -- Where a gateway names the tenants it is a member of audit_trusted instead. Never of both.
                GRANT audit_keyed TO audit_app;
            END IF;
        END IF;
    END LOOP;

    IF NOT pg_has_role('audit_migrator', 'audit_owner', 'MEMBER') THEN
        GRANT audit_owner TO audit_migrator;
    END IF;

    -- To make functions that belong to audit_keeper. The owner must not have its privileges without becoming it: on PostgreSQL 15 the
    -- owner inherits nothing, later the membership says so.
    IF (SELECT r.rolinherit FROM pg_roles AS r WHERE r.rolname = 'audit_owner') THEN
        ALTER ROLE audit_owner NOINHERIT;
    END IF;
    IF NOT pg_has_role('audit_owner', 'audit_keeper', 'MEMBER') THEN
        IF current_setting('server_version_num')::int < 160000 THEN
            GRANT audit_keeper TO audit_owner;
        ELSE
            EXECUTE 'GRANT audit_keeper TO audit_owner WITH INHERIT FALSE, SET TRUE';
        END IF;
    END IF;

    -- The role that runs this file also migrates. A superuser may become any role. PostgreSQL 16 tells membership from the right
    -- to SET ROLE; on 15 whether a member is an owner at all times is for the login's own INHERIT to say.
    IF current_setting('server_version_num')::int < 160000 THEN
        IF NOT pg_has_role('audit_owner', 'MEMBER') THEN
            EXECUTE format('GRANT audit_owner TO %I', current_user);
        END IF;
    ELSIF NOT pg_has_role('audit_owner', 'SET') THEN
        EXECUTE format('GRANT audit_owner TO %I WITH INHERIT FALSE, SET TRUE', current_user);
    END IF;
END
$$;
