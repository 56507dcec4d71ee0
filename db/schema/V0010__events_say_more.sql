-- An administrative event says what was done, not only that it was, and two more acts leave one: an import, whose times are the
-- caller's, and the first read of an hour with a key. Lists of events have pages and filters, which the indexes here serve.

-- Old rows have none, and the release before writes none: a column without a default, so that nothing is rewritten.
ALTER TABLE audit.admin_events ADD COLUMN detail jsonb;
-- The table is small: one row an act, nothing that the service waits for.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.admin_events ADD CONSTRAINT admin_events_detail_form CHECK (
    jsonb_typeof(detail) = 'object' AND octet_length(detail::text) <= 2048);
COMMENT ON COLUMN audit.admin_events.detail IS
    'What the act was about, as a JSON object; which members, says the function that acts. The name of a tenant and the label of a '
    'key are the only texts of a caller in it. NULL: nothing more to say, or recorded by an earlier release.';
COMMENT ON CONSTRAINT admin_events_detail_form ON audit.admin_events IS 'The detail of an event is a JSON object of at most 2048 bytes.';

-- The rule only grows, so no row can break it.
-- squawk-ignore ban-drop-constraint
ALTER TABLE audit.admin_events DROP CONSTRAINT admin_events_act_known;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.admin_events ADD CONSTRAINT admin_events_act_known CHECK (act IN (
    'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported',
    'records replayed', 'records imported', 'records read'));
COMMENT ON CONSTRAINT admin_events_act_known ON audit.admin_events IS 'One of the acts that have a function.';

COMMENT ON TABLE audit.admin_events IS
    'Every administrative act, every export, import and replay of records, and the first read of an hour with each key; '
    'append-only: written by the function that acts, in its transaction. Read by the tenant that it concerns, and by '
    'administrators with audit.list_all_admin_events().';
COMMENT ON COLUMN audit.admin_events.api_key_id IS
    'To which key, where it was a key; with which, where records were exported, imported, replayed or read.';

-- The same once an hour as last_used_at, beside it: whoever only writes has read nothing.
ALTER TABLE audit.api_key_uses ADD COLUMN last_read_at timestamptz;
COMMENT ON COLUMN audit.api_key_uses.last_read_at IS
    'The hour (UTC) for which the event "records read" was last recorded. NULL: never.';

-- A page of events costs a page, whichever filter it has, and also where many share their time (an import is one transaction with
-- an event for each call). Events that wait while these are built wait for a small table.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_tenant_id_created_at_id_idx ON audit.admin_events (tenant_id, created_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_tenant_id_act_created_at_id_idx ON audit.admin_events (tenant_id, act, created_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_api_key_id_created_at_id_idx ON audit.admin_events (api_key_id, created_at DESC, id DESC)
    WHERE api_key_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_created_at_id_idx ON audit.admin_events (created_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX admin_events_act_created_at_id_idx ON audit.admin_events (act, created_at DESC, id DESC);
-- The first of them begins with its columns.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX audit.admin_events_tenant_id_created_at_idx;
COMMENT ON INDEX audit.admin_events_tenant_id_created_at_id_idx IS 'Serves a tenant''s list of acts.';
COMMENT ON INDEX audit.admin_events_tenant_id_act_created_at_id_idx IS
    'Serves a tenant''s list of one act: many exports hide no issue of a key.';
COMMENT ON INDEX audit.admin_events_api_key_id_created_at_id_idx IS 'Serves the list of what was done to a key, and with it.';
COMMENT ON INDEX audit.admin_events_created_at_id_idx IS 'Serves an administrator''s list of every act.';
COMMENT ON INDEX audit.admin_events_act_created_at_id_idx IS
    'Serves an administrator''s list of one act in all tenants, and of the acts on none.';

-- With more parameters these would be functions beside the old ones, and no function may share its name with another. Calls of the
-- release before are valid as they are: what they do not name has a default.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.record_admin_event(text, text, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.list_proven_admin_events(int);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.list_admin_events(int);

-- What administrators are told when they break a rule: whole sentences (audit.rule_in_words()).
COMMENT ON CONSTRAINT tenants_pkey ON audit.tenants IS 'A tenant is registered once.';
COMMENT ON CONSTRAINT tenants_id_form ON audit.tenants IS
    'A tenant''s id has 1 to 63 characters, of a to z, 0 to 9, _ and -, and begins with a letter or a digit.';
COMMENT ON CONSTRAINT tenants_name_size ON audit.tenants IS 'A tenant''s name has 1 to 200 characters.';
COMMENT ON CONSTRAINT api_keys_label_size ON audit.api_keys IS 'A key''s label has 1 to 200 characters.';
COMMENT ON CONSTRAINT api_keys_scopes_known ON audit.api_keys IS 'A key''s scopes are one or more of read, write and import.';
COMMENT ON CONSTRAINT api_keys_tenant_id_fkey ON audit.api_keys IS 'A key is issued for a tenant that is registered.';
