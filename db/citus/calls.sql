-- What else differs in the functions of db/functions, on every node. Their text stays there: here a call in it becomes another.
--
-- What the policies read is set by set_config(), which Citus does not hand on: audit.set_on_nodes(). That runs SET, which a STABLE function may
-- not. A generic plan knows no tenant yet, and Citus has to: plans are made for each call. Records of audit_keyed are stored by
-- audit.store_on_shard(). Records that are compared with tables of the coordinator are fetched by audit.records_of_ids() before. The name of a
-- broken rule comes back from a shard in the message alone. Sealing and new epochs have a horizon on all nodes. And a proof whose secret a node does
-- not have is an error there: a shard that shows no row would look like an empty trail. So a secret is not replaced on the coordinator alone. Where a
-- node is away, the records of its tenant in a batch are refused after one try, and not one by one.
DO $$
DECLARE
    v_function record;
    v_body     text;
    v_missing  text;
BEGIN
    FOR v_function IN
        SELECT p.oid::regprocedure AS name, pg_get_functiondef(p.oid) AS definition, p.proname, p.provolatile, p.proconfig
        FROM pg_proc AS p
        WHERE p.pronamespace = 'audit'::regnamespace
          AND p.proname NOT IN ('set_on_nodes', 'store_on_shard', 'store_proven_audit_logs', 'settled_horizon', 'records_of_ids')
    LOOP
        v_body := regexp_replace(v_function.definition,
            '\mset_config(?=\(''app\.(tenant_id|scopes|proof|scope|restriction)'')', 'audit.set_on_nodes', 'g');
        IF v_body NOT LIKE '%substring(v_message FROM%' THEN   -- not yet
            v_body := replace(v_body, 'v_constraint = CONSTRAINT_NAME;', 'v_constraint = CONSTRAINT_NAME;
            v_constraint := coalesce(nullif(v_constraint, ''''), substring(v_message FROM ''check constraint "([^"]+)"''), '''');');
        END IF;
        IF v_function.proname IN ('append_audit_log', 'append_audit_logs') THEN
            v_body := replace(v_body, 'audit.store_audit_logs(', 'audit.store_on_shard(');
            IF v_body NOT LIKE '%= ''08''%' THEN   -- not yet
                v_body := replace(v_body, 'ELSIF SQLSTATE = ''55P03'' THEN', 'ELSIF left(SQLSTATE, 2) = ''08'' THEN
            -- The tenant''s node cannot be reached: each record would wait for that anew, and the other requests in the batch too.
            stored := 0;
            refusals := array_fill(json_build_object(''sqlstate'', SQLSTATE, ''message'', SQLERRM), ARRAY[total]);
            RETURN;
        ELSIF SQLSTATE = ''55P03'' THEN');
            END IF;
        ELSIF v_function.proname IN ('erase_records', 'held_records') THEN
            v_body := regexp_replace(v_body, 'FROM audit\.audit_logs AS r\s+WHERE r\.id = given\.id AND r\.tenant_id = p_tenant_id OFFSET 0',
                'FROM unnest((SELECT audit.records_of_ids(p_tenant_id, p_ids))) AS r WHERE r.id = given.id OFFSET 0');
            v_body := replace(v_body, 'r.context FROM', 'r.context::json FROM');
        ELSIF v_function.proname = 'offboarding' THEN
            -- A part of a query that Citus runs by itself has a column.
            v_body := regexp_replace(v_body, 'SELECT FROM \(\s+SELECT l\.id', 'SELECT newest.id FROM (SELECT l.id');
        ELSIF v_function.proname = 'tenant_proof' AND v_body NOT LIKE '%object_not_in_prerequisite_state%' THEN
            v_body := replace(v_body, 'RETURN (', 'IF p_secret_id <> '''' AND NOT EXISTS (
            SELECT FROM audit.proof_secrets AS s
            WHERE s.id::text = p_secret_id AND (s.replaced_at IS NULL OR s.replaced_at > clock_timestamp() - interval ''30 seconds'')) THEN
        RAISE EXCEPTION ''this node does not have the secret of the proof'' USING ERRCODE = ''object_not_in_prerequisite_state'',
            HINT = ''make distribute gives every node the secrets of the coordinator.'';
    END IF;
    RETURN (');
        ELSIF v_function.proname = 'rotate_proof_secret' AND v_body NOT LIKE '%object_not_in_prerequisite_state%' THEN
            v_body := replace(v_body, 'LOCK TABLE audit.proof_secrets',
                'IF current_setting(''ringfence.on_every_node'', true) IS DISTINCT FROM ''on'' THEN
        RAISE EXCEPTION ''every node of a cluster has the secret'' USING ERRCODE = ''object_not_in_prerequisite_state'',
            HINT = ''python -m app.distribute rotate-secret replaces it on all.'';
    END IF;
    LOCK TABLE audit.proof_secrets');
        ELSIF v_function.proname = 'seal_records' THEN
            v_body := replace(v_body, ':= pg_snapshot_xmin(pg_current_snapshot())', ':= audit.settled_horizon()');
        ELSIF v_function.proname = 'begin_epoch' AND v_body NOT LIKE '%audit.settled\_horizon(%' THEN
            -- Its record would be in neither epoch.
            v_body := replace(v_body, 'v_end := audit.snapshot_end(', 'IF audit.settled_horizon() = ''0'' THEN
        RAISE EXCEPTION ''other transactions are writing'' USING ERRCODE = ''object_in_use'',
            HINT = ''A transaction is prepared on a worker, or a worker cannot be asked: Citus ends it within a minute. Try again.'';
    END IF;
    v_end := audit.snapshot_end(');
        END IF;
        IF v_body <> v_function.definition THEN
            EXECUTE v_body;
        END IF;
        IF v_body LIKE '%audit.set\_on\_nodes(%' AND v_function.provolatile <> 'v' THEN
            EXECUTE format('ALTER FUNCTION %s VOLATILE', v_function.name);
        END IF;
        IF 'plan_cache_mode=force_generic_plan' = ANY (v_function.proconfig) THEN
            EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_custom_plan', v_function.name);
        END IF;
    END LOOP;

    -- A release whose functions read otherwise must not go on without these.
    SELECT string_agg(DISTINCT expected.name, ', ') INTO v_missing
    FROM (VALUES
        ('set_tenant', 'audit.set_on_nodes('), ('set_proven_tenant', 'audit.set_on_nodes('), ('leave_tenant', 'audit.set_on_nodes('),
        ('append_audit_log', 'audit.store_on_shard('), ('append_audit_logs', 'audit.store_on_shard('),
        ('append_audit_logs', 'check constraint'), ('append_audit_logs', 'node cannot be reached'), ('insert_audit_log_batch', 'check constraint'),
        ('erase_records', 'audit.records_of_ids('), ('held_records', 'audit.records_of_ids('), ('offboarding', 'SELECT newest.id'),
        ('tenant_proof', 'does not have the secret'), ('rotate_proof_secret', 'every node of a cluster'),
        ('seal_records', 'audit.settled_horizon('), ('begin_epoch', 'audit.settled_horizon(')) AS expected (name, text)
    WHERE NOT EXISTS (
        SELECT FROM pg_proc AS p
        WHERE p.pronamespace = 'audit'::regnamespace AND p.proname = expected.name AND position(expected.text IN p.prosrc) > 0);
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'db/citus/calls.sql does not fit these functions: %', v_missing USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$$;
