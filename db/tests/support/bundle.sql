-- pg_temp.exported(): an evidence bundle, read part by part as the service does. pg_temp.body(): all of it but its first line.
-- pg_temp.roots(): what it says of each epoch, and the root that its lines lead to: each leaf's line hashed, each omitted line as it is,
-- joined as RFC 6962 has it.

CREATE FUNCTION pg_temp.rest(p_state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_state text := p_state; v_part record; v_text text := '';
BEGIN
    FOR v_number IN 1..99 LOOP
        PERFORM audit.continue_export(v_state);
        FOR v_part IN SELECT * FROM audit.export_audit_logs() LOOP
            v_text := v_text || convert_from(v_part.lines, 'UTF8');
            v_state := v_part.state;
        END LOOP;
        IF v_state IS NULL THEN
            RETURN v_text;
        END IF;
    END LOOP;
    RETURN 'does not end';
END
$$;
CREATE FUNCTION pg_temp.exported(
    p_start_time timestamptz DEFAULT NULL, p_end_time timestamptz DEFAULT NULL, p_api_key text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.rest(audit.begin_export(p_api_key, 'evidence', p_start_time => p_start_time, p_end_time => p_end_time))
$$;
CREATE FUNCTION pg_temp.body(p_bundle text) RETURNS text LANGUAGE sql AS $$ SELECT substr(p_bundle, strpos(p_bundle, E'\n') + 1) $$;
CREATE FUNCTION pg_temp.roots(p_bundle text) RETURNS TABLE (epoch int, size bigint, root text, checkpoint text) LANGUAGE plpgsql AS $$
DECLARE
    v_line   text;
    v_json   jsonb;
    v_hashes bytea[];
    v_sizes  bigint[];
    v_n      int;
BEGIN
    FOR v_line IN SELECT line FROM string_to_table(p_bundle, E'\n') WITH ORDINALITY AS l (line, position) WHERE line <> '' ORDER BY position LOOP
        v_json := CASE WHEN v_line LIKE '{%' THEN v_line::jsonb ELSE '{"version":1}' END;
        IF v_json ? 'epoch' AND NOT v_json ? 'version' THEN
            epoch := v_json ->> 'epoch';
            size := v_json ->> 'size';
            v_hashes := '{}';
            v_sizes := '{}';
        ELSIF v_json ? 'version' OR v_json ? 'omitted' THEN
            v_hashes := v_hashes || CASE WHEN v_json ? 'omitted' THEN decode(v_json ->> 'hash', 'hex')
                                         ELSE sha256('\x00'::bytea || convert_to(v_line, 'UTF8')) END;
            v_sizes := v_sizes || coalesce((v_json ->> 'omitted')::bigint, 1);
            v_n := cardinality(v_sizes);
            WHILE v_n > 1 AND v_sizes[v_n] = v_sizes[v_n - 1] LOOP
                v_hashes := v_hashes[:v_n - 2] || sha256('\x01'::bytea || v_hashes[v_n - 1] || v_hashes[v_n]);
                v_sizes := v_sizes[:v_n - 2] || 2 * v_sizes[v_n];
                v_n := v_n - 1;
            END LOOP;
        ELSIF v_json ? 'checkpoint' THEN
            FOR n IN REVERSE cardinality(v_hashes) - 1 .. 1 LOOP
                v_hashes[n] := sha256('\x01'::bytea || v_hashes[n] || v_hashes[n + 1]);
            END LOOP;
            root := CASE WHEN (SELECT sum(s) FROM unnest(v_sizes) AS s) = size THEN encode(v_hashes[1], 'base64') ELSE 'another number of leaves' END;
            checkpoint := v_json ->> 'checkpoint';
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
