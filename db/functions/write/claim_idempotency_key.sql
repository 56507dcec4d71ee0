-- Claims an Idempotency-Key, so that a request can be repeated. Called before the request's records, in their transaction: key and
-- records are stored together or not at all.

CREATE OR REPLACE FUNCTION audit.claim_idempotency_key(p_key text, p_body_sha256 bytea, p_answer text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- It waits for another request with the same key, but for less time than a proof lasts.
SET lock_timeout = '4s'
AS $$
DECLARE
    v_tenant_id text := audit.writing_tenant();
    v_used      record;
BEGIN
    IF coalesce(v_tenant_id, '') = '' THEN
        PERFORM audit.required_tenant('write');   -- says why
        v_tenant_id := audit.required_proven_tenant('write');
    END IF;
    IF p_key IS NULL OR length(p_key) NOT BETWEEN 1 AND 255 THEN
        RAISE EXCEPTION 'an Idempotency-Key has 1 to 255 characters' USING ERRCODE = 'RF003', COLUMN = 'Idempotency-Key';
    END IF;

    -- Deletes expired keys of the tenant, a few at a time, and skips locked ones instead of waiting.
    DELETE FROM audit.idempotency_keys AS k
    WHERE k.tenant_id = v_tenant_id AND k.key <> p_key AND k.key IN (
        SELECT o.key FROM audit.idempotency_keys AS o
        WHERE o.tenant_id = v_tenant_id AND o.created_at < now() - interval '24 hours'
        ORDER BY o.created_at LIMIT 10 FOR UPDATE SKIP LOCKED);

    -- Waits for the end of another transaction that has claimed the same key.
    INSERT INTO audit.idempotency_keys AS k (tenant_id, key, body_sha256, answer, created_at)
    VALUES (v_tenant_id, p_key, p_body_sha256, p_answer, now())
    ON CONFLICT (tenant_id, key) DO UPDATE
        SET body_sha256 = EXCLUDED.body_sha256, answer = EXCLUDED.answer, created_at = EXCLUDED.created_at
        WHERE k.created_at < now() - interval '24 hours';
    IF FOUND THEN
        RETURN NULL;
    END IF;

    SELECT k.body_sha256, k.answer INTO STRICT v_used
    FROM audit.idempotency_keys AS k WHERE k.tenant_id = v_tenant_id AND k.key = p_key;
    IF v_used.body_sha256 <> p_body_sha256 THEN
        RAISE EXCEPTION 'the idempotency key was used with another body'
            USING ERRCODE = 'RF008', COLUMN = 'Idempotency-Key', HINT = 'Give every request a key of its own.';
    END IF;
    -- Here this is committed; on the standby it may not be, when the first COMMIT was cut off while it waited for one. That of a
    -- repetition waits only if it has written something.
    PERFORM pg_logical_emit_message(true, 'ringfence', '');
    RETURN v_used.answer;
END
$$;

COMMENT ON FUNCTION audit.claim_idempotency_key IS
    'NULL: the key is new for the transaction''s tenant, and now stored with p_answer; go on and write. Otherwise the answer '
    'that was given under it in the last 24 hours to a request with the same body: write nothing. RF001 when no tenant is set '
    'or proven, RF003 when the key is empty or too long, RF006 when the API key may not write, RF008 when it was used with '
    'another body, 55P03 when another request with this key has not ended in four seconds: try again. SECURITY DEFINER: '
    'what a tenant''s requests were answered is for no run-time role to read.';
REVOKE ALL ON FUNCTION audit.claim_idempotency_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.claim_idempotency_key TO audit_trusted, audit_keyed;
