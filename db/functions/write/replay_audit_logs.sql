-- Stores records that the service acknowledged while the database was unavailable, and kept in its spool. No run-time role may write
-- created_at, so this runs as the owner. Where keys are in use it does not trust the service: it verifies each record by an HMAC
-- of its text, made with the caller's key when the record arrived; the key itself is written nowhere. The keys that check the HMAC stay
-- in the columns of one query: see audit.enter_tenant().

CREATE OR REPLACE FUNCTION audit.replay_audit_logs(p_records json)
RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_source    text := audit.tenant_source();
    v_secret_id text := (SELECT s.id::text FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL);
    v_group     record;            -- records of one tenant and one key
    v_position  int;
    v_appended  record;
    v_outcomes  json[] := array_fill(NULL::json, ARRAY[json_array_length(p_records)]);   -- NULL: stored
BEGIN
    -- As in audit.enter_tenant(), which says why.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'a tenant is entered in a transaction that is READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;

    FOR v_group IN
        SELECT r.tenant_id, k.id AS api_key_id, v.sqlstate, v.message, v.column,
               array_agg(e.position::int ORDER BY e.position) AS positions,
               json_agg(l.line::json ORDER BY e.position) AS records
        FROM json_array_elements(p_records) WITH ORDINALITY AS e (element, position)
        CROSS JOIN LATERAL (VALUES (e.element ->> 'line')) AS l (line)
        CROSS JOIN LATERAL json_to_record(l.line::json) AS r (api_key_id text, tenant_id text, created_at timestamptz)
        -- A service whose clock is ahead gives no record a time in the future: made_at is now at the latest.
        CROSS JOIN LATERAL (VALUES (least(r.created_at, clock_timestamp()))) AS m (made_at)
        LEFT JOIN audit.api_keys AS k ON k.id = r.api_key_id AND v_source = 'api_key'
        LEFT JOIN audit.tenants AS t ON t.id = r.tenant_id AND v_source = 'header'
        CROSS JOIN LATERAL (SELECT * FROM (VALUES
            -- The second HMAC is that of the release before: its workers may still run, and its spooled records may still wait.
            (1, v_source = 'api_key' AND (k.id IS NULL OR e.element ->> 'hmac' IS NULL OR (
                    e.element ->> 'hmac' <> encode(sha256(k.spool_outer_key || sha256(
                        k.spool_inner_key || convert_to(l.line, 'UTF8'))), 'hex')
                    AND e.element ->> 'hmac' <> (
                        SELECT encode(sha256(pads.outer_pad || sha256(pads.inner_pad || convert_to(l.line, 'UTF8'))), 'hex')
                        FROM (
                            SELECT string_agg(set_byte('\x00'::bytea, 0, get_byte(hash.block, place) # 54), ''::bytea ORDER BY place),
                                   string_agg(set_byte('\x00'::bytea, 0, get_byte(hash.block, place) # 92), ''::bytea ORDER BY place)
                            FROM (VALUES (k.secret_sha256 || decode(repeat('00', 32), 'hex'))) AS hash (block)
                            CROSS JOIN generate_series(0, 63) AS place) AS pads (inner_pad, outer_pad)))),
                'RF005', 'the record was not sent with this API key', NULL),
            (2, k.tenant_id <> r.tenant_id OR r.tenant_id IS NULL, 'RF007', 'the API key belongs to another tenant', NULL),
            (3, 'write' <> ALL (k.scopes), 'RF006', 'the API key has not the scope write', NULL),
            -- The key's state when the record was made: a key that has expired since then does not refuse it.
            (4, m.made_at >= k.revoked_at OR m.made_at >= k.expires_at, 'RF005', 'the API key was not valid any more', NULL),
            (5, v_source IS DISTINCT FROM 'api_key' AND t.id IS NULL, 'RF002', 'the tenant is not registered', NULL),
            -- Seven days, in hours: how long a day is, the session's TimeZone would say.
            (6, r.created_at IS NULL OR m.made_at < clock_timestamp() - interval '168 hours', 'RF003',
                'a record is replayed within seven days', 'created_at'),
            (7, true, NULL, NULL, NULL)) AS rule (number, is_broken, sqlstate, message, "column")
            WHERE rule.is_broken ORDER BY rule.number LIMIT 1) AS v
        GROUP BY r.tenant_id, k.id, v.sqlstate, v.message, v.column
        ORDER BY min(e.position)
    LOOP
        IF v_group.sqlstate IS NOT NULL THEN
            FOREACH v_position IN ARRAY v_group.positions LOOP
                v_outcomes[v_position] := json_build_object(
                    'sqlstate', v_group.sqlstate, 'message', v_group.message, 'column', v_group.column);
            END LOOP;
            CONTINUE;
        END IF;

        PERFORM audit.set_proven_tenant(v_secret_id, v_group.tenant_id, 'replay', coalesce(v_group.api_key_id, ''), '');
        v_appended := audit.append_audit_logs(v_group.records, 'replay');
        FOR n IN 1 .. cardinality(v_group.positions) LOOP
            v_outcomes[v_group.positions[n]] := v_appended.refusals[n];
        END LOOP;
        IF v_appended.stored > 0 THEN
            PERFORM audit.record_admin_event(
                'records replayed', v_group.tenant_id, v_group.api_key_id, jsonb_build_object('count', v_appended.stored));
        END IF;
    END LOOP;

    -- The proofs made here must not serve later statements of this transaction.
    PERFORM audit.leave_tenant();
    RETURN array_to_json(v_outcomes);
END
$$;

COMMENT ON FUNCTION audit.replay_audit_logs IS
    'Appends records that were acknowledged while the database was unavailable. A JSON array of objects: line, the text of a '
    'JSON object with the fields of a record, its tenant_id, created_at, and the api_key_id it was sent with; and hmac, the '
    'HMAC-SHA-256 of line in hexadecimal under the key''s spool key, or, from workers of the release before, under the SHA-256 '
    'of its secret. A login that names its tenants needs neither key nor hmac. Returns an array with null at the place of each '
    'record that is stored, now or before, and for each other the sqlstate, message, column and constraint of its refusal: '
    'RF002 tenant not registered, RF003 created_at older than seven days, RF004 the id belongs to another record, RF005 the key '
    'is unknown, did not send this, or was not valid then, RF006 it may not write, RF007 another tenant''s, and those of the '
    'table. created_at is kept; a time in the future becomes the current time. Records the act "records replayed", with the count. SECURITY '
    'DEFINER: no run-time role may choose a record''s time.';
REVOKE ALL ON FUNCTION audit.replay_audit_logs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.replay_audit_logs TO audit_trusted, audit_keyed;
