-- Keys that show a part of their tenant's records, and links that open such a key once.

-- Here, since CHECKs call it. db/functions/record/is_restriction.sql has the same again.
CREATE OR REPLACE FUNCTION audit.is_restriction(p_restriction json)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_time CONSTANT text := '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$';
BEGIN
    IF octet_length(p_restriction::text) <= 4096 AND json_typeof(p_restriction) = 'object' THEN
        RETURN (
            SELECT count(*) > 0 AND count(*) = count(DISTINCT e.key) AND bool_and(
                json_typeof(e.value) = 'string' AND coalesce(CASE e.key
                    WHEN 'agent_id' THEN length(v.text) BETWEEN 1 AND 128
                    WHEN 'trace_id' THEN length(v.text) BETWEEN 1 AND 128
                    WHEN 'user_id' THEN length(v.text) BETWEEN 1 AND 256
                    WHEN 'mode' THEN v.text IN ('DRY_RUN', 'LIVE')
                    WHEN 'status' THEN v.text IN ('started', 'success', 'error', 'denied')
                    -- The one text that a moment has: it is printed again and compared.
                    WHEN 'start_time' THEN CASE WHEN v.text ~ c_time THEN
                        v.text = to_char(v.text::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END
                    WHEN 'end_time' THEN CASE WHEN v.text ~ c_time THEN
                        v.text = to_char(v.text::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END
                    END, false))
                -- As texts: in this form they come in the order of the moments.
                AND coalesce(p_restriction ->> 'start_time' < p_restriction ->> 'end_time' COLLATE "C", true)
            FROM json_each(p_restriction) AS e
            CROSS JOIN LATERAL (VALUES (e.value #>> '{}')) AS v (text));
    END IF;
    RETURN false;
EXCEPTION
    -- \u0000 or half of a surrogate pair; 30 February
    WHEN untranslatable_character OR invalid_text_representation OR datetime_field_overflow OR invalid_datetime_format THEN
        RETURN false;
END
$$;

COMMENT ON FUNCTION audit.is_restriction IS
    'Whether this may be the restriction of a key: a JSON object of at most 4,096 bytes with at least one of start_time, end_time, agent_id, '
    'trace_id, user_id, mode and status, no name twice, and the values texts: times in UTC with six digits, start before end, '
    'the others as a record may have them. IMMUTABLE, since CHECKs call it. Nobody but audit_owner may call it.';
REVOKE ALL ON FUNCTION audit.is_restriction FROM PUBLIC;

ALTER TABLE audit.api_keys ADD COLUMN restriction json;
-- Finds NULL alone, in a table of some hundred rows.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.api_keys ADD CONSTRAINT api_keys_restriction_form CHECK (restriction IS NULL OR audit.is_restriction(restriction));
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.api_keys ADD CONSTRAINT api_keys_restriction_reads CHECK (restriction IS NULL OR scopes = ARRAY['read']);
COMMENT ON COLUMN audit.api_keys.restriction IS
    'The part of the tenant''s records that the key shows: those with all of these values, and created_at from start_time on and before '
    'end_time. The proof holds it. NULL: the whole tenant.';
COMMENT ON CONSTRAINT api_keys_restriction_form ON audit.api_keys IS
    'A restriction has at least one of start_time, end_time, agent_id, trace_id, user_id, mode and status, with values that a record may '
    'have, and its start lies before its end.';
COMMENT ON CONSTRAINT api_keys_restriction_reads ON audit.api_keys IS 'A key that is restricted has the scope read and no other.';

CREATE TABLE audit.view_links (
    id           text        NOT NULL,
    tenant_id    text        NOT NULL CONSTRAINT view_links_tenant_id_fkey REFERENCES audit.tenants (id),
    label        text        NOT NULL,
    restriction  json,
    token_sha256 bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    key_seconds  int         NOT NULL,
    opened_at    timestamptz,
    api_key_id   text CONSTRAINT view_links_api_key_id_fkey REFERENCES audit.api_keys (id),
    revoked_at   timestamptz,
    refused      int         NOT NULL,
    CONSTRAINT view_links_pkey PRIMARY KEY (id),
    CONSTRAINT view_links_id_form CHECK (id ~ '^[0-9a-f]{16}$'),
    CONSTRAINT view_links_tenant_id_form CHECK (tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    CONSTRAINT view_links_label_size CHECK (length(label) BETWEEN 1 AND 200),
    CONSTRAINT view_links_restriction_form CHECK (restriction IS NULL OR audit.is_restriction(restriction)),
    CONSTRAINT view_links_token_sha256_size CHECK (octet_length(token_sha256) = 32),
    CONSTRAINT view_links_key_seconds_range CHECK (key_seconds BETWEEN 1 AND 43200),
    CONSTRAINT view_links_opened CHECK (num_nonnulls(opened_at, api_key_id) IN (0, 2)),
    CONSTRAINT view_links_ended_once CHECK (num_nonnulls(opened_at, revoked_at) < 2),
    CONSTRAINT view_links_refused_range CHECK (refused >= 0)
);
COMMENT ON TABLE audit.view_links IS
    'Links that each open one key for reading, once, without the secrets of the links. Row-level security: only functions have access.';
COMMENT ON COLUMN audit.view_links.id IS 'The public part of the token, rfl_<id>_<secret>. Names the link in lists and events.';
COMMENT ON COLUMN audit.view_links.tenant_id IS 'Whose records the key shows.';
COMMENT ON COLUMN audit.view_links.label IS 'For people: whom the link is for. The key gets it too.';
COMMENT ON COLUMN audit.view_links.restriction IS 'The restriction of the key. NULL: it shows the whole tenant.';
COMMENT ON COLUMN audit.view_links.token_sha256 IS
    'SHA-256 of the 256-bit secret. Random secrets need no slow hash: there is nothing to guess from.';
COMMENT ON COLUMN audit.view_links.created_at IS 'When it was issued.';
COMMENT ON COLUMN audit.view_links.expires_at IS 'From when on it opens nothing.';
COMMENT ON COLUMN audit.view_links.key_seconds IS 'How long the key lives, from the opening on.';
COMMENT ON COLUMN audit.view_links.opened_at IS 'When it was opened. NULL: it was not.';
COMMENT ON COLUMN audit.view_links.api_key_id IS 'The public id of the key that it opened. NULL: it was not opened.';
COMMENT ON COLUMN audit.view_links.revoked_at IS 'When it was revoked. NULL: it was not.';
COMMENT ON COLUMN audit.view_links.refused IS 'How often somebody who had its token came too late.';
COMMENT ON CONSTRAINT view_links_pkey ON audit.view_links IS 'One link an id.';
COMMENT ON CONSTRAINT view_links_tenant_id_fkey ON audit.view_links IS 'A link is issued for a tenant that is registered.';
COMMENT ON CONSTRAINT view_links_api_key_id_fkey ON audit.view_links IS 'What a link opened is a key.';
COMMENT ON CONSTRAINT view_links_id_form ON audit.view_links IS '16 hexadecimal digits.';
COMMENT ON CONSTRAINT view_links_tenant_id_form ON audit.view_links IS 'As in every table that holds tenants.';
COMMENT ON CONSTRAINT view_links_label_size ON audit.view_links IS 'A link''s label has 1 to 200 characters.';
COMMENT ON CONSTRAINT view_links_restriction_form ON audit.view_links IS
    'A restriction has at least one of start_time, end_time, agent_id, trace_id, user_id, mode and status, with values that a record may '
    'have, and its start lies before its end.';
COMMENT ON CONSTRAINT view_links_token_sha256_size ON audit.view_links IS 'A whole SHA-256.';
COMMENT ON CONSTRAINT view_links_key_seconds_range ON audit.view_links IS 'The key that a link opens lives at most 12 hours.';
COMMENT ON CONSTRAINT view_links_opened ON audit.view_links IS 'A link that was opened has opened a key.';
COMMENT ON CONSTRAINT view_links_ended_once ON audit.view_links IS 'A link is opened or revoked, and never both.';
COMMENT ON CONSTRAINT view_links_refused_range ON audit.view_links IS 'A count.';

-- Closed until its page in db/policies opens it: no moment exists in which a table is unprotected.
ALTER TABLE audit.view_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.view_links FORCE ROW LEVEL SECURITY;

-- The rule only grows, so no row can break it.
-- squawk-ignore ban-drop-constraint
ALTER TABLE audit.admin_events DROP CONSTRAINT admin_events_act_known;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.admin_events ADD CONSTRAINT admin_events_act_known CHECK (act IN (
    'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported',
    'records replayed', 'records imported', 'records read', 'epoch begun', 'retention set', 'retention rules set', 'hold placed',
    'hold release asked', 'hold released', 'records pruned', 'person erased', 'record erased', 'view link issued', 'view link opened',
    'view link refused', 'view link revoked'));
COMMENT ON CONSTRAINT admin_events_act_known ON audit.admin_events IS 'One of the acts that have a function.';

-- Their parameters or results are others now. A new one beside the old one would make calls by name ambiguous. A new database has none of
-- them yet; the release before calls the last by name and column, and its columns stay.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.tenant_proof(text, text, text, text, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.set_proven_tenant(text, text, text, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.list_api_keys(text);
