-- Seals the due records of every tenant, the same for every caller: records whose transactions have ended are appended to their
-- tenant's tree. A call works for at most p_milliseconds; the next call goes on with the next tenant.
--
-- A run-time role may call it, so that the service can. The function returns no number to it and names no tenant. PostgreSQL's own counters
-- of its transaction do tell it how many records were due in the tenants that the call visited, and how many tenants there are
-- (docs/threat-model.md). It cannot hold the others up: a tree that its transaction keeps locked is passed over, and those are at most 60.
--
-- A tree that contradicts itself is a WARNING, and no error: an error would undo what was sealed of the others and whose turn is next, so
-- that every call would begin with the same trees, and end there.

CREATE OR REPLACE FUNCTION audit.seal_records(p_milliseconds int DEFAULT 500)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- Another worker may be making the same tenant's first tree, in a transaction that its caller leaves open: that tenant is passed over.
SET lock_timeout = '15ms'
-- The warning must arrive, whatever the session has set.
SET client_min_messages = warning
AS $$
DECLARE
    -- Read before any record: what is below it has ended, and every later statement sees it.
    v_horizon   xid8        := pg_snapshot_xmin(pg_current_snapshot());
    v_deadline  timestamptz := clock_timestamp() + least(greatest(p_milliseconds, 1), 10000) * interval '1 millisecond';
    v_secret_id text;
    v_tenants   text[];
    v_next      text[];            -- those of them that have more
    v_tenant    text;
    v_last      text;              -- whose turn came last
    v_batch     record;
    v_visits    int     := 0;      -- at least one a call
    v_batches   int     := 0;
    v_sealed    bigint  := 0;
    v_is_done   boolean := true;   -- nothing is left below the horizon
    v_faults    text[]  := '{}';
    v_fault     text;              -- SQLSTATE of the first; of a contradiction, where there is one
    v_is_sealer boolean := pg_has_role(session_user, 'audit_sealer', 'MEMBER');
BEGIN
    -- As in audit.enter_tenant(), which says why: and a horizon must be newer than no snapshot that reads records.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'records are sealed in a transaction that is READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- A tenant that the caller has entered is left in every case, also where there is nothing to seal.
    PERFORM audit.leave_tenant();
    -- No transaction has ended since this session last found nothing left. Equal, and not above: a horizon that somebody has set by
    -- hand stops nothing but the one call that it is right for.
    IF v_horizon::text = current_setting('app.sealed_horizon', true) THEN
        RETURN CASE WHEN v_is_sealer THEN 0 END;
    END IF;
    -- A checkpoint must never be ahead of the disk.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    SELECT s.id::text INTO STRICT v_secret_id FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL;
    SELECT t.last_tenant INTO STRICT v_last FROM audit.sealing_turn AS t;
    v_tenants := ARRAY(SELECT t.id FROM audit.tenants AS t ORDER BY t.id <= v_last, t.id);
    PERFORM set_config('app.scope', 'seal', true);

    <<rounds>>
    WHILE cardinality(v_tenants) > 0 LOOP
        v_next := '{}';
        FOREACH v_tenant IN ARRAY v_tenants LOOP
            -- A session that has more than 64 subtransactions with a number slows down the snapshots of all others.
            IF v_visits > 0 AND clock_timestamp() >= v_deadline OR v_batches >= 60 THEN
                v_is_done := false;
                EXIT rounds;
            END IF;
            BEGIN
                PERFORM audit.set_proven_tenant(v_secret_id, v_tenant, 'seal', '', '');
                v_batch := audit.seal_batch(v_tenant, v_horizon, 5000);
                v_sealed := v_sealed + v_batch.p_sealed;
                IF v_batch.p_outcome IN ('more', 'done') THEN
                    v_batches := v_batches + 1;
                END IF;
                IF v_batch.p_outcome = 'more' THEN
                    v_next := v_next || v_tenant;
                END IF;
                v_is_done := v_is_done AND v_batch.p_outcome = 'idle';
            EXCEPTION
                WHEN lock_not_available THEN
                    v_is_done := false;
                WHEN OTHERS THEN
                    -- A leaf that is there already is a contradiction too. One tenant's fault does not stop the others.
                    v_is_done := false;
                    v_fault := CASE WHEN SQLSTATE IN ('23505', 'RF009') THEN 'RF009' ELSE coalesce(v_fault, SQLSTATE) END;
                    v_faults := v_faults || format('%s: %s', v_tenant, SQLERRM);
            END;
            v_last := v_tenant;
            v_visits := v_visits + 1;
        END LOOP;
        v_tenants := v_next;
    END LOOP;

    -- Where the next call goes on. A call beside this one that has the row locked says so itself.
    IF cardinality(v_tenants) > 0 THEN
        UPDATE audit.sealing_turn AS t SET last_tenant = v_last
        WHERE t.is_only IN (SELECT u.is_only FROM audit.sealing_turn AS u FOR UPDATE SKIP LOCKED);
    ELSIF v_is_done THEN
        PERFORM set_config('app.sealed_horizon', v_horizon::text, false);
    END IF;
    -- The proofs made here must not serve later statements of this transaction.
    PERFORM audit.leave_tenant();
    -- For readers of feeds that wait, once this is committed: see audit.listen_to_sealing(). It says neither whose records nor how many.
    IF v_sealed > 0 THEN
        PERFORM pg_notify('audit_sealed', '');
    END IF;

    IF v_fault IS NOT NULL THEN
        RAISE WARNING '%', CASE WHEN v_is_sealer THEN array_to_string(v_faults, '; ') ELSE 'a tree could not be sealed' END
            USING ERRCODE = v_fault;
    END IF;
    RETURN CASE WHEN v_is_sealer THEN v_sealed END;
END
$$;

COMMENT ON FUNCTION audit.seal_records IS
    'Appends finished records of all tenants to their trees, for at most p_milliseconds (1 to 10,000), and returns how many; to others '
    'than members of audit_sealer NULL. A tenant whose tree contradicts itself (RF009) or that fails otherwise is left out; each call that '
    'comes to it says so in a WARNING with that SQLSTATE, which names the tenant to members of audit_sealer alone. The transaction has '
    'no tenant afterwards. SECURITY DEFINER: it proves each tenant in turn, with the scope seal, which no key has.';
REVOKE ALL ON FUNCTION audit.seal_records FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.seal_records TO audit_trusted, audit_keyed, audit_sealer;
