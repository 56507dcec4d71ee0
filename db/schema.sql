-- The types, tables, constraints and indexes of schema audit as they are today, for reading: the files of db/schema
-- make them, one change after the other. Written by `python -m tests.support.schema_dump` from a new database, and
-- never applied. Functions and policies have pages of their own.

CREATE TYPE audit.listed_audit_log AS (
    id uuid,
    trace_id text,
    tenant_id text,
    agent_id text,
    mode text,
    status text,
    http_status integer,
    latency_ms integer,
    user_id text,
    error text,
    created_at timestamp with time zone,
    recorded_at timestamp with time zone,
    api_key_id text,
    context text
);
COMMENT ON TYPE audit.listed_audit_log IS 'A record as a reader of its tenant sees it: every column of audit.audit_logs but recorded_xid. No role has USAGE: a cast needs none.';
COMMENT ON COLUMN audit.listed_audit_log.id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.trace_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.tenant_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.agent_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.mode IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.http_status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.latency_ms IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.user_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.error IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.created_at IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.recorded_at IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.api_key_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.listed_audit_log.context IS 'As in audit.audit_logs, as text: json cannot be compared.';

CREATE TYPE audit.new_audit_log AS (
    id uuid,
    trace_id text,
    agent_id text,
    mode text,
    status text,
    http_status integer,
    latency_ms integer,
    user_id text,
    error text,
    created_at timestamp with time zone,
    context text
);
COMMENT ON TYPE audit.new_audit_log IS 'What a caller may say of a record; members of a JSON object that are not named here are ignored. No role has USAGE: a cast needs none.';
COMMENT ON COLUMN audit.new_audit_log.id IS 'As in audit.audit_logs. NULL: the database makes one.';
COMMENT ON COLUMN audit.new_audit_log.trace_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.agent_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.mode IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.http_status IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.latency_ms IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.user_id IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.error IS 'As in audit.audit_logs.';
COMMENT ON COLUMN audit.new_audit_log.created_at IS 'As in audit.audit_logs, for imported and replayed records; ignored in every other.';
COMMENT ON COLUMN audit.new_audit_log.context IS 'As in audit.audit_logs: an object''s text as it was sent, or a text that holds one.';

CREATE TABLE audit.admin_events (
    id uuid NOT NULL,
    tenant_id text,
    act text NOT NULL,
    api_key_id text,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    detail jsonb,
    CONSTRAINT admin_events_act_known CHECK ((act = ANY (ARRAY['tenant created'::text, 'api key issued'::text, 'api key rotated'::text, 'api key revoked'::text, 'proof secret rotated'::text, 'records exported'::text, 'records replayed'::text, 'records imported'::text, 'records read'::text, 'epoch begun'::text, 'retention set'::text, 'retention rules set'::text, 'hold placed'::text, 'hold release asked'::text, 'hold released'::text, 'records pruned'::text, 'person erased'::text, 'record erased'::text, 'view link issued'::text, 'view link opened'::text, 'view link refused'::text, 'view link revoked'::text]))),
    CONSTRAINT admin_events_detail_form CHECK (((jsonb_typeof(detail) = 'object'::text) AND (octet_length((detail)::text) <= 2048))),
    CONSTRAINT admin_events_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);
ALTER TABLE ONLY audit.admin_events FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.admin_events IS 'Every administrative act, every export, import and replay of records, and the first read of an hour with each key; append-only: written by the function that acts, in its transaction. Read by the tenant that it concerns, and by administrators with audit.list_all_admin_events().';
COMMENT ON COLUMN audit.admin_events.id IS 'UUID version 7.';
COMMENT ON COLUMN audit.admin_events.tenant_id IS 'Whom it concerns. NULL: no tenant alone.';
COMMENT ON COLUMN audit.admin_events.act IS 'What was done.';
COMMENT ON COLUMN audit.admin_events.api_key_id IS 'To which key, where it was a key; with which, where records were exported, imported, replayed or read.';
COMMENT ON COLUMN audit.admin_events.actor IS 'The login role that did it; no SET ROLE hides it.';
COMMENT ON COLUMN audit.admin_events.created_at IS 'The database''s clock at the start of the transaction.';
COMMENT ON COLUMN audit.admin_events.detail IS 'What the act was about, as a JSON object; which members, says the function that acts. The name of a tenant and the label of a key are the only texts of a caller in it. NULL: nothing more to say, or recorded by an earlier release.';
COMMENT ON CONSTRAINT admin_events_act_known ON audit.admin_events IS 'One of the acts that have a function.';
COMMENT ON CONSTRAINT admin_events_detail_form ON audit.admin_events IS 'The detail of an event is a JSON object of at most 2048 bytes.';
COMMENT ON CONSTRAINT admin_events_tenant_id_form ON audit.admin_events IS 'As in every table that holds tenants.';

CREATE TABLE audit.api_key_uses (
    api_key_id text NOT NULL,
    last_used_at timestamp with time zone,
    last_read_at timestamp with time zone
)
WITH (fillfactor='70');
ALTER TABLE ONLY audit.api_key_uses FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.api_key_uses IS 'When each key was used last: one row a key, made when it is issued. Apart from the key, so that whoever notes a use does not hold up its revocation. Written by audit.record_api_key_use().';
COMMENT ON COLUMN audit.api_key_uses.api_key_id IS 'The key.';
COMMENT ON COLUMN audit.api_key_uses.last_used_at IS 'The last hour (UTC) for which the service has reported a use. NULL: none yet.';
COMMENT ON COLUMN audit.api_key_uses.last_read_at IS 'The hour (UTC) for which the event "records read" was last recorded. NULL: never.';

CREATE TABLE audit.api_keys (
    id text NOT NULL,
    tenant_id text NOT NULL,
    label text NOT NULL,
    scopes text[] NOT NULL,
    secret_sha256 bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    replaced_by text,
    spool_inner_key bytea NOT NULL,
    spool_outer_key bytea NOT NULL,
    spool_key_source text NOT NULL,
    restriction json,
    CONSTRAINT api_keys_id_form CHECK ((id ~ '^[0-9a-f]{16}$'::text)),
    CONSTRAINT api_keys_label_size CHECK (((length(label) >= 1) AND (length(label) <= 200))),
    CONSTRAINT api_keys_restriction_form CHECK (((restriction IS NULL) OR audit.is_restriction(restriction))),
    CONSTRAINT api_keys_restriction_reads CHECK (((restriction IS NULL) OR (scopes = ARRAY['read'::text]))),
    CONSTRAINT api_keys_scopes_known CHECK (((scopes <@ ARRAY['read'::text, 'write'::text, 'import'::text]) AND ((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 3)))),
    CONSTRAINT api_keys_secret_sha256_size CHECK ((octet_length(secret_sha256) = 32)),
    CONSTRAINT api_keys_spool_key_size CHECK (((octet_length(spool_inner_key) = 64) AND (octet_length(spool_outer_key) = 64))),
    CONSTRAINT api_keys_spool_key_source_known CHECK ((spool_key_source = ANY (ARRAY['secret'::text, 'hash'::text]))),
    CONSTRAINT api_keys_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);
ALTER TABLE ONLY audit.api_keys FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.api_keys IS 'The API keys, without their secrets. No run-time role has any privilege here; audit.enter_tenant() looks a key up.';
COMMENT ON COLUMN audit.api_keys.id IS 'The public part of the key, rf_<id>_<secret>. Names it in lists and logs.';
COMMENT ON COLUMN audit.api_keys.tenant_id IS 'The one tenant that the key opens.';
COMMENT ON COLUMN audit.api_keys.label IS 'For people: where the key is used.';
COMMENT ON COLUMN audit.api_keys.scopes IS 'What the key may do: read, write, and import, which keeps the times that the caller gives. None implies another; the policies enforce it.';
COMMENT ON COLUMN audit.api_keys.secret_sha256 IS 'SHA-256 of the 256-bit secret. Random secrets need no slow hash: there is nothing to guess from.';
COMMENT ON COLUMN audit.api_keys.created_at IS 'When it was issued.';
COMMENT ON COLUMN audit.api_keys.expires_at IS 'From when on it opens nothing. NULL: never.';
COMMENT ON COLUMN audit.api_keys.revoked_at IS 'When it was revoked. NULL: it was not.';
COMMENT ON COLUMN audit.api_keys.replaced_by IS 'The key that rotation put in its place. NULL: it was not rotated.';
COMMENT ON COLUMN audit.api_keys.spool_inner_key IS 'Key of the inner hash of the signatures of spooled records; 64 bytes, one block of SHA-256.';
COMMENT ON COLUMN audit.api_keys.spool_outer_key IS 'Key of the outer hash, which keeps the inner from being extended.';
COMMENT ON COLUMN audit.api_keys.spool_key_source IS 'What the two were derived from. secret: the key''s secret, when it was issued. hash: its SHA-256, for keys that were issued before there were such columns.';
COMMENT ON COLUMN audit.api_keys.restriction IS 'The part of the tenant''s records that the key shows: those with all of these values, and created_at from start_time on and before end_time. The proof holds it. NULL: the whole tenant.';
COMMENT ON CONSTRAINT api_keys_id_form ON audit.api_keys IS '16 hexadecimal digits.';
COMMENT ON CONSTRAINT api_keys_label_size ON audit.api_keys IS 'A key''s label has 1 to 200 characters.';
COMMENT ON CONSTRAINT api_keys_restriction_form ON audit.api_keys IS 'A restriction has at least one of start_time, end_time, agent_id, trace_id, user_id, mode and status, with values that a record may have, and its start lies before its end.';
COMMENT ON CONSTRAINT api_keys_restriction_reads ON audit.api_keys IS 'A key that is restricted has the scope read and no other.';
COMMENT ON CONSTRAINT api_keys_scopes_known ON audit.api_keys IS 'A key''s scopes are one or more of read, write and import.';
COMMENT ON CONSTRAINT api_keys_secret_sha256_size ON audit.api_keys IS 'A whole SHA-256.';
COMMENT ON CONSTRAINT api_keys_spool_key_size ON audit.api_keys IS 'Two whole blocks of SHA-256.';
COMMENT ON CONSTRAINT api_keys_spool_key_source_known ON audit.api_keys IS 'secret or hash.';
COMMENT ON CONSTRAINT api_keys_tenant_id_form ON audit.api_keys IS 'As in every table that holds tenants.';

CREATE TABLE audit.audit_logs (
    id uuid NOT NULL,
    trace_id text,
    tenant_id text NOT NULL,
    agent_id text NOT NULL,
    mode text,
    status text,
    http_status integer,
    latency_ms integer,
    user_id text,
    error text,
    created_at timestamp with time zone DEFAULT now(),
    recorded_at timestamp with time zone DEFAULT clock_timestamp(),
    recorded_xid xid8 DEFAULT pg_current_xact_id(),
    api_key_id text DEFAULT NULLIF(split_part(current_setting('app.proof'::text, true), ':'::text, 2), ''::text),
    context json,
    CONSTRAINT audit_logs_agent_id_size CHECK (((length(agent_id) >= 1) AND (length(agent_id) <= 128))),
    CONSTRAINT audit_logs_context_form CHECK (((context IS NULL) OR audit.is_context(context))),
    CONSTRAINT audit_logs_created_at_known CHECK (((created_at IS NOT NULL) AND (created_at >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (created_at < '10000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT audit_logs_error_size CHECK (((length(error) >= 1) AND (length(error) <= 2000))),
    CONSTRAINT audit_logs_http_status_range CHECK (((http_status >= 100) AND (http_status <= 599))),
    CONSTRAINT audit_logs_latency_ms_range CHECK ((latency_ms >= 0)),
    CONSTRAINT audit_logs_mode_known CHECK ((mode = ANY (ARRAY['DRY_RUN'::text, 'LIVE'::text]))),
    CONSTRAINT audit_logs_status_known CHECK ((status = ANY (ARRAY['started'::text, 'success'::text, 'error'::text, 'denied'::text]))),
    CONSTRAINT audit_logs_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text)),
    CONSTRAINT audit_logs_trace_id_size CHECK (((length(trace_id) >= 1) AND (length(trace_id) <= 128))),
    CONSTRAINT audit_logs_user_id_size CHECK (((length(user_id) >= 1) AND (length(user_id) <= 256)))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');
ALTER TABLE ONLY audit.audit_logs FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.audit_logs IS 'Executions of AI agents, append-only: no role may TRUNCATE, and none but audit_keeper, as whom nobody connects, may DELETE, or UPDATE what is personal to NULL. Row-level security: a transaction sees and writes the records of the tenant it is set to.';
COMMENT ON COLUMN audit.audit_logs.id IS 'UUID version 7, time-ordered. Made by the writer, so that a retry after a lost connection cannot write twice.';
COMMENT ON COLUMN audit.audit_logs.trace_id IS 'Ties together the records of one request (W3C trace id, or the caller''s).';
COMMENT ON COLUMN audit.audit_logs.tenant_id IS 'Whose record this is. The column every policy compares.';
COMMENT ON COLUMN audit.audit_logs.agent_id IS 'The agent that was asked.';
COMMENT ON COLUMN audit.audit_logs.mode IS 'DRY_RUN: nothing was called. LIVE: the agent was called, or was refused.';
COMMENT ON COLUMN audit.audit_logs.status IS 'started: about to be called. success, error: how it ended. denied: refused, the agent was not called.';
COMMENT ON COLUMN audit.audit_logs.http_status IS 'What the agent answered. NULL when it was not called or gave no answer.';
COMMENT ON COLUMN audit.audit_logs.latency_ms IS 'How long the call took, in milliseconds. NULL when there was none.';
COMMENT ON COLUMN audit.audit_logs.user_id IS 'The user on whose behalf, as the caller names it. Personal data. NULL: none was given, or it is erased with error and context.';
COMMENT ON COLUMN audit.audit_logs.error IS 'Why it was refused or failed, in our words; never the agent''s answer.';
COMMENT ON COLUMN audit.audit_logs.created_at IS 'The database''s clock at the start of the writing transaction. The run-time roles may not set it.';
COMMENT ON COLUMN audit.audit_logs.recorded_at IS 'The server''s clock when the record was written, whatever created_at says. No role may set it. NULL: written before it was noted.';
COMMENT ON COLUMN audit.audit_logs.recorded_xid IS 'The number of the writing transaction: the order in which records are sealed. No role may set or read it, and no list, export or leaf has it: it would tell one tenant how busy the others are. NULL: written before it was noted.';
COMMENT ON COLUMN audit.audit_logs.api_key_id IS 'The public id of the key that wrote the record, as it was proven: the policies compare it. NULL: written under a named tenant, or before it was noted.';
COMMENT ON COLUMN audit.audit_logs.context IS 'What the caller says about the execution, as sent: names from the list of audit.is_context(). It may hold personal data.';
COMMENT ON CONSTRAINT audit_logs_agent_id_size ON audit.audit_logs IS '1 to 128 characters.';
COMMENT ON CONSTRAINT audit_logs_context_form ON audit.audit_logs IS 'A flat JSON object of at most 4,096 bytes, no name twice, values texts, numbers or booleans, names out of: gen_ai.agent.version, gen_ai.request.model, gen_ai.tool.name, gen_ai.conversation.id, mcp.session.id, span_id, parent_span_id, event, resource, approver, policy_id, reason_code, input_sha256, output_sha256, origin, dry_run_of.';
COMMENT ON CONSTRAINT audit_logs_created_at_known ON audit.audit_logs IS 'Pages are ordered by it: a NULL or an infinity would fall out of every page.';
COMMENT ON CONSTRAINT audit_logs_error_size ON audit.audit_logs IS '1 to 2,000 characters.';
COMMENT ON CONSTRAINT audit_logs_http_status_range ON audit.audit_logs IS '100 to 599.';
COMMENT ON CONSTRAINT audit_logs_latency_ms_range ON audit.audit_logs IS 'Not negative.';
COMMENT ON CONSTRAINT audit_logs_mode_known ON audit.audit_logs IS 'DRY_RUN or LIVE; unknown in imported history.';
COMMENT ON CONSTRAINT audit_logs_status_known ON audit.audit_logs IS 'started, success, error or denied; unknown in imported history.';
COMMENT ON CONSTRAINT audit_logs_tenant_id_form ON audit.audit_logs IS '1 to 63 of a-z, 0-9, _ and -, the first a letter or digit; so never the '''' that an ended SET LOCAL leaves.';
COMMENT ON CONSTRAINT audit_logs_trace_id_size ON audit.audit_logs IS '1 to 128 characters.';
COMMENT ON CONSTRAINT audit_logs_user_id_size ON audit.audit_logs IS '1 to 256 characters.';

CREATE TABLE audit.checkpoints (
    tenant_id text NOT NULL,
    epoch integer NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT checkpoints_note_size CHECK (((length(note) >= 1) AND (length(note) <= 8192))),
    CONSTRAINT checkpoints_root_size CHECK ((octet_length(root) = 32)),
    CONSTRAINT checkpoints_size_range CHECK ((size >= 0)),
    CONSTRAINT checkpoints_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);
ALTER TABLE ONLY audit.checkpoints FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.checkpoints IS 'Tree heads that the signer has signed, append-only. Row-level security: a transaction sees the checkpoints of the tenant it is set to.';
COMMENT ON COLUMN audit.checkpoints.tenant_id IS 'Whose tree was signed.';
COMMENT ON COLUMN audit.checkpoints.epoch IS 'The epoch of its tree.';
COMMENT ON COLUMN audit.checkpoints.size IS 'Number of leaves that the signature covers.';
COMMENT ON COLUMN audit.checkpoints.root IS 'Root of the tree of that size.';
COMMENT ON COLUMN audit.checkpoints.note IS 'The signed note (C2SP tlog-checkpoint), as the signer made it.';
COMMENT ON COLUMN audit.checkpoints.created_at IS 'The database''s clock when the note was stored.';
COMMENT ON CONSTRAINT checkpoints_note_size ON audit.checkpoints IS '1 to 8,192 characters.';
COMMENT ON CONSTRAINT checkpoints_root_size ON audit.checkpoints IS 'A SHA-256.';
COMMENT ON CONSTRAINT checkpoints_size_range ON audit.checkpoints IS 'Not negative.';
COMMENT ON CONSTRAINT checkpoints_tenant_id_form ON audit.checkpoints IS 'The form of audit.tenants.id; so never the empty string.';

CREATE TABLE audit.idempotency_keys (
    tenant_id text NOT NULL,
    key text NOT NULL,
    body_sha256 bytea NOT NULL,
    answer text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_answer_size CHECK (((length(answer) >= 1) AND (length(answer) <= 1000))),
    CONSTRAINT idempotency_keys_body_sha256_size CHECK ((octet_length(body_sha256) = 32)),
    CONSTRAINT idempotency_keys_key_size CHECK (((length(key) >= 1) AND (length(key) <= 255))),
    CONSTRAINT idempotency_keys_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);
ALTER TABLE ONLY audit.idempotency_keys FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.idempotency_keys IS 'The Idempotency-Keys of each tenant''s requests, for 24 hours. Written in the transaction of the records themselves, by audit.claim_idempotency_key() alone: no run-time role has any privilege here.';
COMMENT ON COLUMN audit.idempotency_keys.tenant_id IS 'Whose key it is. The same key of another tenant is another key.';
COMMENT ON COLUMN audit.idempotency_keys.key IS 'What the caller sent as Idempotency-Key.';
COMMENT ON COLUMN audit.idempotency_keys.body_sha256 IS 'SHA-256 of what was sent with it; the body itself is not kept.';
COMMENT ON COLUMN audit.idempotency_keys.answer IS 'What was answered, and is answered again. JSON, and nothing of the records but an id.';
COMMENT ON COLUMN audit.idempotency_keys.created_at IS 'When it was used first: the start of that transaction.';
COMMENT ON CONSTRAINT idempotency_keys_answer_size ON audit.idempotency_keys IS '1 to 1,000 characters.';
COMMENT ON CONSTRAINT idempotency_keys_body_sha256_size ON audit.idempotency_keys IS 'A whole SHA-256.';
COMMENT ON CONSTRAINT idempotency_keys_key_size ON audit.idempotency_keys IS '1 to 255 characters.';
COMMENT ON CONSTRAINT idempotency_keys_tenant_id_form ON audit.idempotency_keys IS 'As in every table that holds tenants.';

CREATE TABLE audit.legal_holds (
    id uuid NOT NULL,
    tenant_id text NOT NULL,
    user_id text,
    agent_id text,
    trace_id text,
    start_time timestamp with time zone,
    end_time timestamp with time zone,
    reason text NOT NULL,
    reference text NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    release_asked_by text,
    release_asked_at timestamp with time zone,
    released_by text,
    released_at timestamp with time zone,
    release_reason text,
    CONSTRAINT legal_holds_reason_size CHECK ((((length(reason) >= 1) AND (length(reason) <= 500)) AND ((length(release_reason) >= 1) AND (length(release_reason) <= 500)))),
    CONSTRAINT legal_holds_reference_size CHECK (((length(reference) >= 1) AND (length(reference) <= 200))),
    CONSTRAINT legal_holds_release_asked CHECK (((release_asked_by IS NULL) = (release_asked_at IS NULL))),
    CONSTRAINT legal_holds_released CHECK ((num_nonnulls(released_by, released_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT legal_holds_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text)),
    CONSTRAINT legal_holds_texts_size CHECK ((((length(user_id) >= 1) AND (length(user_id) <= 1024)) AND ((length(agent_id) >= 1) AND (length(agent_id) <= 1024)) AND ((length(trace_id) >= 1) AND (length(trace_id) <= 1024)))),
    CONSTRAINT legal_holds_window CHECK ((start_time < end_time))
);
ALTER TABLE ONLY audit.legal_holds FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.legal_holds IS 'Which records must stay, whatever their term and whoever asks: those that match every condition that is given. Row-level security: only functions have access.';
COMMENT ON COLUMN audit.legal_holds.id IS 'UUID version 7.';
COMMENT ON COLUMN audit.legal_holds.tenant_id IS 'Whose records.';
COMMENT ON COLUMN audit.legal_holds.user_id IS 'Of this user alone. NULL: of all, or the person was erased after the release.';
COMMENT ON COLUMN audit.legal_holds.agent_id IS 'Of this agent alone. NULL: of all.';
COMMENT ON COLUMN audit.legal_holds.trace_id IS 'Of this trace alone. NULL: of all.';
COMMENT ON COLUMN audit.legal_holds.start_time IS 'Records with created_at from this time on. NULL: from the first.';
COMMENT ON COLUMN audit.legal_holds.end_time IS 'Records with created_at before this time. NULL: also those to come.';
COMMENT ON COLUMN audit.legal_holds.reason IS 'Why, in the words of the administrator.';
COMMENT ON COLUMN audit.legal_holds.reference IS 'The case, by which others find it. Name no person in it: it stays when the person is erased.';
COMMENT ON COLUMN audit.legal_holds.placed_by IS 'The login that placed it.';
COMMENT ON COLUMN audit.legal_holds.placed_at IS 'The database''s clock when it was placed.';
COMMENT ON COLUMN audit.legal_holds.release_asked_by IS 'Where two release: the login that asked.';
COMMENT ON COLUMN audit.legal_holds.release_asked_at IS 'When it asked.';
COMMENT ON COLUMN audit.legal_holds.released_by IS 'The login that released it, or confirmed the release. NULL: it holds.';
COMMENT ON COLUMN audit.legal_holds.released_at IS 'When it was released.';
COMMENT ON COLUMN audit.legal_holds.release_reason IS 'Why it was released.';
COMMENT ON CONSTRAINT legal_holds_reason_size ON audit.legal_holds IS 'A hold and its release have a reason of 1 to 500 characters.';
COMMENT ON CONSTRAINT legal_holds_reference_size ON audit.legal_holds IS 'A hold''s reference has 1 to 200 characters.';
COMMENT ON CONSTRAINT legal_holds_release_asked ON audit.legal_holds IS 'Who asked for the release, and when.';
COMMENT ON CONSTRAINT legal_holds_released ON audit.legal_holds IS 'Who released it, and when.';
COMMENT ON CONSTRAINT legal_holds_tenant_id_form ON audit.legal_holds IS 'The form of audit.tenants.id; so never the empty string.';
COMMENT ON CONSTRAINT legal_holds_texts_size ON audit.legal_holds IS 'A hold''s user, agent and trace have 1 to 1,024 characters.';
COMMENT ON CONSTRAINT legal_holds_window ON audit.legal_holds IS 'A hold''s start_time lies before its end_time.';

CREATE TABLE audit.proof_secrets (
    id bigint NOT NULL,
    inner_key bytea NOT NULL,
    outer_key bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    replaced_at timestamp with time zone,
    CONSTRAINT proof_secrets_key_size CHECK (((octet_length(inner_key) = 64) AND (octet_length(outer_key) = 64)))
);
ALTER TABLE ONLY audit.proof_secrets FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.proof_secrets IS 'What only the database knows: with it audit.enter_tenant() makes a proof, and the policies check it. One row is used; one that was replaced still checks for thirty seconds, so that audit.rotate_proof_secret() interrupts nobody.';
COMMENT ON COLUMN audit.proof_secrets.id IS 'Counts up. A proof names the secret that it was made with.';
COMMENT ON COLUMN audit.proof_secrets.inner_key IS 'Key of the inner hash; 64 bytes, one block of SHA-256.';
COMMENT ON COLUMN audit.proof_secrets.outer_key IS 'Key of the outer hash, which keeps the inner from being extended.';
COMMENT ON COLUMN audit.proof_secrets.created_at IS 'When it was made.';
COMMENT ON COLUMN audit.proof_secrets.replaced_at IS 'When another took its place. NULL: it is the one in use.';
COMMENT ON CONSTRAINT proof_secrets_key_size ON audit.proof_secrets IS 'Two whole blocks of SHA-256.';

CREATE TABLE audit.pruned_ids (
    id uuid NOT NULL
);
ALTER TABLE ONLY audit.pruned_ids FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.pruned_ids IS 'Ids of records that were pruned, append-only: no other record may take one, so a copy of the old record proves itself for ever. Like the primary key of audit.audit_logs it knows no tenants. Row-level security: only functions have access.';
COMMENT ON COLUMN audit.pruned_ids.id IS 'The id that the record had.';

CREATE TABLE audit.retention (
    tenant_id text NOT NULL,
    live_days integer,
    dry_run_days integer,
    set_at timestamp with time zone NOT NULL,
    pruned_at timestamp with time zone,
    pass_mode text,
    pass_time timestamp with time zone,
    pass_id uuid,
    CONSTRAINT retention_dry_run_days_range CHECK (((dry_run_days >= 1) AND (dry_run_days <= 36500))),
    CONSTRAINT retention_live_days_range CHECK (((live_days >= 1) AND (live_days <= 36500))),
    CONSTRAINT retention_pass_mode_known CHECK ((pass_mode = ANY (ARRAY['DRY_RUN'::text, 'LIVE'::text, ''::text]))),
    CONSTRAINT retention_pass_position CHECK ((num_nonnulls(pass_mode, pass_time, pass_id) = ANY (ARRAY[0, 3]))),
    CONSTRAINT retention_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);
ALTER TABLE ONLY audit.retention FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.retention IS 'How long the records of a tenant are kept. A tenant without a row keeps them for ever. Row-level security: only functions have access.';
COMMENT ON COLUMN audit.retention.tenant_id IS 'Whose records.';
COMMENT ON COLUMN audit.retention.live_days IS 'Days of 24 hours from created_at after which a LIVE record, or one without a mode, may be pruned. NULL: kept for ever.';
COMMENT ON COLUMN audit.retention.dry_run_days IS 'The same for a DRY_RUN record.';
COMMENT ON COLUMN audit.retention.set_at IS 'The database''s clock when the terms were last set.';
COMMENT ON COLUMN audit.retention.pruned_at IS 'When audit.prune_records() last looked at the tenant, so that each has its turn. NULL: never.';
COMMENT ON COLUMN audit.retention.pass_mode IS 'Where the pass over the due records that is under way stands: the mode, empty for records without one. NULL: the next begins anew.';
COMMENT ON COLUMN audit.retention.pass_time IS 'created_at of the last record that the pass has seen.';
COMMENT ON COLUMN audit.retention.pass_id IS 'Its id.';
COMMENT ON CONSTRAINT retention_dry_run_days_range ON audit.retention IS 'A term is 1 to 36,500 days.';
COMMENT ON CONSTRAINT retention_live_days_range ON audit.retention IS 'A term is 1 to 36,500 days.';
COMMENT ON CONSTRAINT retention_pass_mode_known ON audit.retention IS 'A mode of records.';
COMMENT ON CONSTRAINT retention_pass_position ON audit.retention IS 'A position has all its parts.';
COMMENT ON CONSTRAINT retention_tenant_id_form ON audit.retention IS 'The form of audit.tenants.id; so never the empty string.';

CREATE TABLE audit.retention_rules (
    is_only boolean DEFAULT true NOT NULL,
    live_floor_days integer NOT NULL,
    release_by_two boolean NOT NULL,
    CONSTRAINT retention_rules_is_only CHECK (is_only),
    CONSTRAINT retention_rules_live_floor_days_range CHECK (((live_floor_days >= 1) AND (live_floor_days <= 36500)))
);
ALTER TABLE ONLY audit.retention_rules FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.retention_rules IS 'One row: what no administrator may go below. Changed by audit.set_retention_rules() alone, which only audit_owner may call.';
COMMENT ON COLUMN audit.retention_rules.is_only IS 'Always true: there is one row.';
COMMENT ON COLUMN audit.retention_rules.live_floor_days IS 'A LIVE record, or one without a mode, is kept at least so many days, whatever a tenant''s term is.';
COMMENT ON COLUMN audit.retention_rules.release_by_two IS 'Whether a legal hold is released by two logins: one asks, another confirms.';
COMMENT ON CONSTRAINT retention_rules_is_only ON audit.retention_rules IS 'One row.';
COMMENT ON CONSTRAINT retention_rules_live_floor_days_range ON audit.retention_rules IS 'A floor is 1 to 36,500 days.';

CREATE TABLE audit.seal_nodes (
    tenant_id text NOT NULL,
    epoch integer NOT NULL,
    level integer NOT NULL,
    node_index bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT seal_nodes_hash_size CHECK ((octet_length(hash) = 32)),
    CONSTRAINT seal_nodes_level_range CHECK (((level >= 1) AND (level <= 7))),
    CONSTRAINT seal_nodes_node_index_range CHECK ((node_index >= 0)),
    CONSTRAINT seal_nodes_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);
ALTER TABLE ONLY audit.seal_nodes FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.seal_nodes IS 'Hashes of complete subtrees of 256, 256^2, ... leaves, append-only: a proof reads a few of them in place of millions of leaves. Row-level security: a transaction sees the nodes of the tenant it is set to.';
COMMENT ON COLUMN audit.seal_nodes.tenant_id IS 'Whose node this is.';
COMMENT ON COLUMN audit.seal_nodes.epoch IS 'The epoch of its tree.';
COMMENT ON COLUMN audit.seal_nodes.level IS 'k: the subtree has 256^k leaves.';
COMMENT ON COLUMN audit.seal_nodes.node_index IS 'n: its leaves are n * 256^k and those after it.';
COMMENT ON COLUMN audit.seal_nodes.hash IS 'The root of the subtree.';
COMMENT ON CONSTRAINT seal_nodes_hash_size ON audit.seal_nodes IS 'A SHA-256.';
COMMENT ON CONSTRAINT seal_nodes_level_range ON audit.seal_nodes IS '256^7 leaves are more than a tree can have.';
COMMENT ON CONSTRAINT seal_nodes_node_index_range ON audit.seal_nodes IS 'The first node is 0.';
COMMENT ON CONSTRAINT seal_nodes_tenant_id_form ON audit.seal_nodes IS 'The form of audit.tenants.id; so never the empty string.';

CREATE TABLE audit.sealing_turn (
    is_only boolean DEFAULT true NOT NULL,
    last_tenant text NOT NULL,
    CONSTRAINT sealing_turn_is_only CHECK (is_only)
);
ALTER TABLE ONLY audit.sealing_turn FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.sealing_turn IS 'One row: the tenant whose turn came last in audit.seal_records(). It decides the order of the work and nothing else. Nobody but audit_owner reads it.';
COMMENT ON COLUMN audit.sealing_turn.is_only IS 'Always true: there is one row.';
COMMENT ON COLUMN audit.sealing_turn.last_tenant IS 'The next turn is that of the tenant after it, by id. Empty: of the first.';
COMMENT ON CONSTRAINT sealing_turn_is_only ON audit.sealing_turn IS 'One row.';

CREATE TABLE audit.seals (
    tenant_id text NOT NULL,
    epoch integer NOT NULL,
    leaf_index bigint NOT NULL,
    leaf_hash bytea NOT NULL,
    record_id uuid,
    salt bytea,
    line text,
    private_sha256 bytea,
    CONSTRAINT seals_leaf_hash_size CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT seals_leaf_index_range CHECK ((leaf_index >= 0)),
    CONSTRAINT seals_private_sha256_size CHECK ((octet_length(private_sha256) = 32)),
    CONSTRAINT seals_record_or_statement CHECK (
CASE
    WHEN (record_id IS NULL) THEN (num_nonnulls(salt, private_sha256) = 0)
    ELSE ((line IS NULL) AND (num_nonnulls(salt, private_sha256) = 1))
END),
    CONSTRAINT seals_salt_size CHECK ((octet_length(salt) = 32)),
    CONSTRAINT seals_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
)
WITH (autovacuum_vacuum_scale_factor='0.02');
ALTER TABLE ONLY audit.seals FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.seals IS 'The leaves of the trees: one row for each sealed record, and for each statement about a tree. A leaf''s hash never changes; where all of 256 leaves are pruned, their common hash in audit.seal_nodes stands for them. Row-level security: a transaction sees the leaves of the tenant it is set to.';
COMMENT ON COLUMN audit.seals.tenant_id IS 'Whose leaf this is.';
COMMENT ON COLUMN audit.seals.epoch IS 'The epoch of its tree.';
COMMENT ON COLUMN audit.seals.leaf_index IS 'Its place in the tree; the first leaf is 0.';
COMMENT ON COLUMN audit.seals.leaf_hash IS 'SHA-256 of a zero byte and the leaf''s line.';
COMMENT ON COLUMN audit.seals.record_id IS 'The record that is sealed; audit.record_leaf_line() makes its line. NULL: a statement, or the record was pruned.';
COMMENT ON COLUMN audit.seals.salt IS '32 random bytes in the private line of the record, so that nobody can guess from the digest what was erased. NULL: a statement, or the private part is erased, or the record pruned.';
COMMENT ON COLUMN audit.seals.line IS 'The line of a statement. NULL: a record.';
COMMENT ON COLUMN audit.seals.private_sha256 IS 'SHA-256 of the private line, which is in the record''s line: kept when the salt goes, so that the leaf can still be made. NULL otherwise.';
COMMENT ON CONSTRAINT seals_leaf_hash_size ON audit.seals IS 'A SHA-256.';
COMMENT ON CONSTRAINT seals_leaf_index_range ON audit.seals IS 'The first leaf is 0.';
COMMENT ON CONSTRAINT seals_private_sha256_size ON audit.seals IS 'A SHA-256.';
COMMENT ON CONSTRAINT seals_record_or_statement ON audit.seals IS 'A leaf is a record''s, with a salt or the digest that is left of it; or has a line of its own; or nothing but its hash.';
COMMENT ON CONSTRAINT seals_salt_size ON audit.seals IS '32 bytes.';
COMMENT ON CONSTRAINT seals_tenant_id_form ON audit.seals IS 'The form of audit.tenants.id; so never the empty string.';

CREATE TABLE audit.tenants (
    id text NOT NULL,
    name text,
    created_at timestamp with time zone,
    CONSTRAINT tenants_created_at_known CHECK ((created_at IS NOT NULL)),
    CONSTRAINT tenants_id_form CHECK ((id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text)),
    CONSTRAINT tenants_name_size CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);
ALTER TABLE ONLY audit.tenants FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.tenants IS 'The tenants. Row-level security: a tenant sees its own row; rows come from audit.create_tenant() alone.';
COMMENT ON COLUMN audit.tenants.id IS 'The tenant''s name in every record, header and policy. Lower-case ASCII, so that no two look alike.';
COMMENT ON COLUMN audit.tenants.name IS 'For people. Decides nothing.';
COMMENT ON COLUMN audit.tenants.created_at IS 'The database''s clock when the tenant was created.';
COMMENT ON CONSTRAINT tenants_created_at_known ON audit.tenants IS 'A tenant without a beginning cannot be audited.';
COMMENT ON CONSTRAINT tenants_id_form ON audit.tenants IS 'A tenant''s id has 1 to 63 characters, of a to z, 0 to 9, _ and -, and begins with a letter or a digit.';
COMMENT ON CONSTRAINT tenants_name_size ON audit.tenants IS 'A tenant''s name has 1 to 200 characters.';

CREATE TABLE audit.trees (
    tenant_id text NOT NULL,
    epoch integer NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    frontier bytea NOT NULL,
    history_at timestamp with time zone,
    history_id uuid,
    sealed_xid xid8,
    sealed_id uuid,
    began_at timestamp with time zone NOT NULL,
    CONSTRAINT trees_began_at_range CHECK (((began_at >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (began_at < '10000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT trees_epoch_range CHECK ((epoch >= 1)),
    CONSTRAINT trees_frontier_size CHECK (((octet_length(frontier) <= 2016) AND ((octet_length(frontier) % 32) = 0))),
    CONSTRAINT trees_history_position CHECK (((history_at IS NULL) = (history_id IS NULL))),
    CONSTRAINT trees_root_size CHECK ((octet_length(root) = 32)),
    CONSTRAINT trees_sealed_position CHECK (((sealed_xid IS NULL) = (sealed_id IS NULL))),
    CONSTRAINT trees_size_range CHECK ((size >= 0)),
    CONSTRAINT trees_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text))
);
ALTER TABLE ONLY audit.trees FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.trees IS 'One Merkle tree (RFC 6962) for each tenant and epoch. audit.seal_records() appends to the newest epoch of a tenant; an older one is closed and does not change. Row-level security: a transaction sees the trees of the tenant it is set to.';
COMMENT ON COLUMN audit.trees.tenant_id IS 'Whose tree this is.';
COMMENT ON COLUMN audit.trees.epoch IS '1 for the first. The next one begins after a restore or a failover, with audit.begin_epoch().';
COMMENT ON COLUMN audit.trees.size IS 'Number of leaves.';
COMMENT ON COLUMN audit.trees.root IS 'Hash of all leaves: the root of RFC 6962. Of an empty tree: SHA-256 of nothing.';
COMMENT ON COLUMN audit.trees.frontier IS 'The hashes of the maximal complete subtrees, from the left, 32 bytes each: one for each bit that is set in size. With them a leaf is appended without reading the leaves before it.';
COMMENT ON COLUMN audit.trees.history_at IS 'created_at of the last sealed record among those from before recorded_xid, which are sealed first, by (created_at, id).';
COMMENT ON COLUMN audit.trees.history_id IS 'Its id.';
COMMENT ON COLUMN audit.trees.sealed_xid IS 'recorded_xid up to which records are sealed, by (recorded_xid, id). NULL: records from before recorded_xid are still being sealed. Granted to nobody: a transaction number tells one tenant how busy the others are.';
COMMENT ON COLUMN audit.trees.sealed_id IS 'The id up to which the records of that transaction are sealed.';
COMMENT ON COLUMN audit.trees.began_at IS 'The database''s clock when the tree was made.';
COMMENT ON CONSTRAINT trees_began_at_range ON audit.trees IS 'A time that is written with a year of four digits.';
COMMENT ON CONSTRAINT trees_epoch_range ON audit.trees IS 'The first epoch is 1.';
COMMENT ON CONSTRAINT trees_frontier_size ON audit.trees IS 'Whole SHA-256 hashes, at most one for each bit of size.';
COMMENT ON CONSTRAINT trees_history_position ON audit.trees IS 'A position has both parts.';
COMMENT ON CONSTRAINT trees_root_size ON audit.trees IS 'A SHA-256.';
COMMENT ON CONSTRAINT trees_sealed_position ON audit.trees IS 'A position has both parts.';
COMMENT ON CONSTRAINT trees_size_range ON audit.trees IS 'Not negative.';
COMMENT ON CONSTRAINT trees_tenant_id_form ON audit.trees IS 'The form of audit.tenants.id; so never the empty string.';

CREATE TABLE audit.view_links (
    id text NOT NULL,
    tenant_id text NOT NULL,
    label text NOT NULL,
    restriction json,
    token_sha256 bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    key_seconds integer NOT NULL,
    opened_at timestamp with time zone,
    api_key_id text,
    revoked_at timestamp with time zone,
    refused integer NOT NULL,
    CONSTRAINT view_links_ended_once CHECK ((num_nonnulls(opened_at, revoked_at) < 2)),
    CONSTRAINT view_links_id_form CHECK ((id ~ '^[0-9a-f]{16}$'::text)),
    CONSTRAINT view_links_key_seconds_range CHECK (((key_seconds >= 1) AND (key_seconds <= 43200))),
    CONSTRAINT view_links_label_size CHECK (((length(label) >= 1) AND (length(label) <= 200))),
    CONSTRAINT view_links_opened CHECK ((num_nonnulls(opened_at, api_key_id) = ANY (ARRAY[0, 2]))),
    CONSTRAINT view_links_refused_range CHECK ((refused >= 0)),
    CONSTRAINT view_links_restriction_form CHECK (((restriction IS NULL) OR audit.is_restriction(restriction))),
    CONSTRAINT view_links_tenant_id_form CHECK ((tenant_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'::text)),
    CONSTRAINT view_links_token_sha256_size CHECK ((octet_length(token_sha256) = 32))
);
ALTER TABLE ONLY audit.view_links FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE audit.view_links IS 'Links that each open one key for reading, once, without the secrets of the links. Row-level security: only functions have access.';
COMMENT ON COLUMN audit.view_links.id IS 'The public part of the token, rfl_<id>_<secret>. Names the link in lists and events.';
COMMENT ON COLUMN audit.view_links.tenant_id IS 'Whose records the key shows.';
COMMENT ON COLUMN audit.view_links.label IS 'For people: whom the link is for. The key gets it too.';
COMMENT ON COLUMN audit.view_links.restriction IS 'The restriction of the key. NULL: it shows the whole tenant.';
COMMENT ON COLUMN audit.view_links.token_sha256 IS 'SHA-256 of the 256-bit secret. Random secrets need no slow hash: there is nothing to guess from.';
COMMENT ON COLUMN audit.view_links.created_at IS 'When it was issued.';
COMMENT ON COLUMN audit.view_links.expires_at IS 'From when on it opens nothing.';
COMMENT ON COLUMN audit.view_links.key_seconds IS 'How long the key lives, from the opening on.';
COMMENT ON COLUMN audit.view_links.opened_at IS 'When it was opened. NULL: it was not.';
COMMENT ON COLUMN audit.view_links.api_key_id IS 'The public id of the key that it opened. NULL: it was not opened.';
COMMENT ON COLUMN audit.view_links.revoked_at IS 'When it was revoked. NULL: it was not.';
COMMENT ON COLUMN audit.view_links.refused IS 'How often somebody who had its token came too late.';
COMMENT ON CONSTRAINT view_links_ended_once ON audit.view_links IS 'A link is opened or revoked, and never both.';
COMMENT ON CONSTRAINT view_links_id_form ON audit.view_links IS '16 hexadecimal digits.';
COMMENT ON CONSTRAINT view_links_key_seconds_range ON audit.view_links IS 'The key that a link opens lives at most 12 hours.';
COMMENT ON CONSTRAINT view_links_label_size ON audit.view_links IS 'A link''s label has 1 to 200 characters.';
COMMENT ON CONSTRAINT view_links_opened ON audit.view_links IS 'A link that was opened has opened a key.';
COMMENT ON CONSTRAINT view_links_refused_range ON audit.view_links IS 'A count.';
COMMENT ON CONSTRAINT view_links_restriction_form ON audit.view_links IS 'A restriction has at least one of start_time, end_time, agent_id, trace_id, user_id, mode and status, with values that a record may have, and its start lies before its end.';
COMMENT ON CONSTRAINT view_links_tenant_id_form ON audit.view_links IS 'As in every table that holds tenants.';
COMMENT ON CONSTRAINT view_links_token_sha256_size ON audit.view_links IS 'A whole SHA-256.';
ALTER TABLE ONLY audit.admin_events ADD CONSTRAINT admin_events_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT admin_events_pkey ON audit.admin_events IS 'An act is recorded once.';
ALTER TABLE ONLY audit.api_key_uses ADD CONSTRAINT api_key_uses_pkey PRIMARY KEY (api_key_id);
COMMENT ON CONSTRAINT api_key_uses_pkey ON audit.api_key_uses IS 'One row a key.';
ALTER TABLE ONLY audit.api_keys ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT api_keys_pkey ON audit.api_keys IS 'One key an id.';
ALTER TABLE ONLY audit.audit_logs ADD CONSTRAINT audit_logs_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT audit_logs_pkey ON audit.audit_logs IS 'A record is written once.';
ALTER TABLE ONLY audit.checkpoints ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (tenant_id, epoch, size);
COMMENT ON CONSTRAINT checkpoints_pkey ON audit.checkpoints IS 'One checkpoint a size.';
ALTER TABLE ONLY audit.idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key);
COMMENT ON CONSTRAINT idempotency_keys_pkey ON audit.idempotency_keys IS 'One use of a key by a tenant; the second at once waits here.';
ALTER TABLE ONLY audit.legal_holds ADD CONSTRAINT legal_holds_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT legal_holds_pkey ON audit.legal_holds IS 'One row a hold.';
ALTER TABLE ONLY audit.proof_secrets ADD CONSTRAINT proof_secrets_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT proof_secrets_pkey ON audit.proof_secrets IS 'One secret an id.';
ALTER TABLE ONLY audit.pruned_ids ADD CONSTRAINT pruned_ids_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT pruned_ids_pkey ON audit.pruned_ids IS 'An id goes once.';
ALTER TABLE ONLY audit.retention ADD CONSTRAINT retention_pkey PRIMARY KEY (tenant_id);
COMMENT ON CONSTRAINT retention_pkey ON audit.retention IS 'One row a tenant.';
ALTER TABLE ONLY audit.retention_rules ADD CONSTRAINT retention_rules_pkey PRIMARY KEY (is_only);
COMMENT ON CONSTRAINT retention_rules_pkey ON audit.retention_rules IS 'One row.';
ALTER TABLE ONLY audit.seal_nodes ADD CONSTRAINT seal_nodes_pkey PRIMARY KEY (tenant_id, epoch, level, node_index);
COMMENT ON CONSTRAINT seal_nodes_pkey ON audit.seal_nodes IS 'A subtree has one hash.';
ALTER TABLE ONLY audit.sealing_turn ADD CONSTRAINT sealing_turn_pkey PRIMARY KEY (is_only);
COMMENT ON CONSTRAINT sealing_turn_pkey ON audit.sealing_turn IS 'One row.';
ALTER TABLE ONLY audit.seals ADD CONSTRAINT seals_pkey PRIMARY KEY (tenant_id, epoch, leaf_index);
COMMENT ON CONSTRAINT seals_pkey ON audit.seals IS 'A leaf has one place.';
ALTER TABLE ONLY audit.tenants ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT tenants_pkey ON audit.tenants IS 'A tenant is registered once.';
ALTER TABLE ONLY audit.trees ADD CONSTRAINT trees_pkey PRIMARY KEY (tenant_id, epoch);
COMMENT ON CONSTRAINT trees_pkey ON audit.trees IS 'One tree a tenant and epoch.';
ALTER TABLE ONLY audit.view_links ADD CONSTRAINT view_links_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT view_links_pkey ON audit.view_links IS 'One link an id.';

CREATE INDEX admin_events_act_created_at_id_idx ON audit.admin_events USING btree (act, created_at DESC NULLS LAST, id DESC);
COMMENT ON INDEX audit.admin_events_act_created_at_id_idx IS 'Serves an administrator''s list of one act in all tenants, and of the acts on none.';

CREATE INDEX admin_events_api_key_id_created_at_id_idx ON audit.admin_events USING btree (api_key_id, created_at DESC NULLS LAST, id DESC) WHERE (api_key_id IS NOT NULL);
COMMENT ON INDEX audit.admin_events_api_key_id_created_at_id_idx IS 'Serves an administrator''s list of what was done to a key, and with it.';

CREATE INDEX admin_events_created_at_id_idx ON audit.admin_events USING btree (created_at DESC, id DESC);
COMMENT ON INDEX audit.admin_events_created_at_id_idx IS 'Serves an administrator''s list of every act.';

CREATE INDEX admin_events_tenant_id_act_created_at_id_idx ON audit.admin_events USING btree (tenant_id, act, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.admin_events_tenant_id_act_created_at_id_idx IS 'Serves a tenant''s list of one act: many exports hide no issue of a key.';

CREATE INDEX admin_events_tenant_id_api_key_id_created_at_id_idx ON audit.admin_events USING btree (tenant_id, api_key_id, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE (api_key_id IS NOT NULL);
COMMENT ON INDEX audit.admin_events_tenant_id_api_key_id_created_at_id_idx IS 'Serves a tenant''s list of what was done to a key of its own, and with it.';

CREATE INDEX admin_events_tenant_id_created_at_id_idx ON audit.admin_events USING btree (tenant_id, created_at DESC NULLS LAST, id DESC);
COMMENT ON INDEX audit.admin_events_tenant_id_created_at_id_idx IS 'Serves a tenant''s list of acts.';

CREATE INDEX api_keys_tenant_id_created_at_id_idx ON audit.api_keys USING btree (tenant_id, created_at DESC, id DESC);
COMMENT ON INDEX audit.api_keys_tenant_id_created_at_id_idx IS 'Serves a tenant''s list of its keys.';

CREATE INDEX audit_logs_agent_id_created_at_idx ON audit.audit_logs USING btree (agent_id, created_at DESC);
COMMENT ON INDEX audit.audit_logs_agent_id_created_at_idx IS 'Finds the records of an agent in all tenants, for a DBA. Lists of one tenant have an index that begins with the tenant.';

CREATE INDEX audit_logs_tenant_id_agent_id_created_at_id_idx ON audit.audit_logs USING btree (tenant_id, agent_id, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_tenant_id_agent_id_created_at_id_idx IS 'Serves lists of one agent, of this tenant alone.';

CREATE INDEX audit_logs_tenant_id_created_at_id_idx ON audit.audit_logs USING btree (tenant_id, created_at DESC, id DESC);
COMMENT ON INDEX audit.audit_logs_tenant_id_created_at_id_idx IS 'Serves lists without a filter: the policy''s comparison is its first column, the order of a page the other two.';

CREATE INDEX audit_logs_tenant_id_http_status_created_at_id_idx ON audit.audit_logs USING btree (tenant_id, http_status, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE (http_status IS NOT NULL);
COMMENT ON INDEX audit.audit_logs_tenant_id_http_status_created_at_id_idx IS 'Serves lists of one HTTP status. A record of a call that was not made does not pay for it.';

CREATE INDEX audit_logs_tenant_id_mode_created_at_id_idx ON audit.audit_logs USING btree (tenant_id, mode, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_tenant_id_mode_created_at_id_idx IS 'Serves lists of one mode.';

CREATE INDEX audit_logs_tenant_id_recorded_xid_id_idx ON audit.audit_logs USING btree (tenant_id, recorded_xid, id);
COMMENT ON INDEX audit.audit_logs_tenant_id_recorded_xid_id_idx IS 'Serves sealing: a tenant''s records in the order in which their transactions got their numbers.';

CREATE INDEX audit_logs_tenant_id_status_created_at_id_idx ON audit.audit_logs USING btree (tenant_id, status, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_tenant_id_status_created_at_id_idx IS 'Serves lists of one status.';

CREATE INDEX audit_logs_tenant_id_user_id_created_at_id_idx ON audit.audit_logs USING btree (tenant_id, user_id, created_at DESC NULLS LAST, id DESC NULLS LAST) WHERE (user_id IS NOT NULL);
COMMENT ON INDEX audit.audit_logs_tenant_id_user_id_created_at_id_idx IS 'Serves lists of one user. A record without a user does not pay for it.';

CREATE INDEX audit_logs_trace_id_tenant_id_created_at_id_idx ON audit.audit_logs USING btree (trace_id, tenant_id, created_at DESC NULLS LAST, id DESC NULLS LAST);
COMMENT ON INDEX audit.audit_logs_trace_id_tenant_id_created_at_id_idx IS 'Serves lists of one trace.';

CREATE INDEX idempotency_keys_tenant_id_created_at_idx ON audit.idempotency_keys USING btree (tenant_id, created_at DESC);
COMMENT ON INDEX audit.idempotency_keys_tenant_id_created_at_idx IS 'Finds the tenant''s keys that are out of date.';

CREATE INDEX legal_holds_tenant_id_idx ON audit.legal_holds USING btree (tenant_id) WHERE (released_at IS NULL);
COMMENT ON INDEX audit.legal_holds_tenant_id_idx IS 'Serves the question which records of a tenant are held.';

CREATE UNIQUE INDEX proof_secrets_current_idx ON audit.proof_secrets USING btree (((replaced_at IS NULL))) WHERE (replaced_at IS NULL);
COMMENT ON INDEX audit.proof_secrets_current_idx IS 'One secret is in use.';

CREATE INDEX seals_tenant_id_epoch_leaf_index_idx ON audit.seals USING btree (tenant_id, epoch, leaf_index) WHERE (line IS NOT NULL);
COMMENT ON INDEX audit.seals_tenant_id_epoch_leaf_index_idx IS 'Serves the question which statement of a tree is the next.';

CREATE UNIQUE INDEX seals_tenant_id_record_id_idx ON audit.seals USING btree (tenant_id, record_id) WHERE (record_id IS NOT NULL);
COMMENT ON INDEX audit.seals_tenant_id_record_id_idx IS 'A record is sealed once. Serves proofs of one record.';
ALTER TABLE ONLY audit.admin_events ADD CONSTRAINT admin_events_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT admin_events_tenant_id_fkey ON audit.admin_events IS 'No act on a tenant that does not exist.';
ALTER TABLE ONLY audit.api_key_uses ADD CONSTRAINT api_key_uses_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES audit.api_keys(id);
COMMENT ON CONSTRAINT api_key_uses_api_key_id_fkey ON audit.api_key_uses IS 'No use of a key that does not exist.';
ALTER TABLE ONLY audit.api_keys ADD CONSTRAINT api_keys_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES audit.api_keys(id);
COMMENT ON CONSTRAINT api_keys_replaced_by_fkey ON audit.api_keys IS 'Its successor is a key.';
ALTER TABLE ONLY audit.api_keys ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT api_keys_tenant_id_fkey ON audit.api_keys IS 'A key is issued for a tenant that is registered.';
ALTER TABLE ONLY audit.audit_logs ADD CONSTRAINT audit_logs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT audit_logs_tenant_id_fkey ON audit.audit_logs IS 'No record for a tenant that does not exist.';
ALTER TABLE ONLY audit.checkpoints ADD CONSTRAINT checkpoints_tenant_id_epoch_fkey FOREIGN KEY (tenant_id, epoch) REFERENCES audit.trees(tenant_id, epoch);
COMMENT ON CONSTRAINT checkpoints_tenant_id_epoch_fkey ON audit.checkpoints IS 'No checkpoint of a tree that does not exist.';
ALTER TABLE ONLY audit.idempotency_keys ADD CONSTRAINT idempotency_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT idempotency_keys_tenant_id_fkey ON audit.idempotency_keys IS 'No key of a tenant that does not exist.';
ALTER TABLE ONLY audit.legal_holds ADD CONSTRAINT legal_holds_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT legal_holds_tenant_id_fkey ON audit.legal_holds IS 'A hold is placed for a tenant that is registered.';
ALTER TABLE ONLY audit.retention ADD CONSTRAINT retention_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT retention_tenant_id_fkey ON audit.retention IS 'Terms are set for a tenant that is registered.';
ALTER TABLE ONLY audit.trees ADD CONSTRAINT trees_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT trees_tenant_id_fkey ON audit.trees IS 'No tree for a tenant that does not exist.';
ALTER TABLE ONLY audit.view_links ADD CONSTRAINT view_links_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES audit.api_keys(id);
COMMENT ON CONSTRAINT view_links_api_key_id_fkey ON audit.view_links IS 'What a link opened is a key.';
ALTER TABLE ONLY audit.view_links ADD CONSTRAINT view_links_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES audit.tenants(id);
COMMENT ON CONSTRAINT view_links_tenant_id_fkey ON audit.view_links IS 'A link is issued for a tenant that is registered.';
ALTER TABLE audit.admin_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.api_key_uses ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.proof_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.pruned_ids ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.retention_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.seal_nodes ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.sealing_turn ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.trees ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.view_links ENABLE ROW LEVEL SECURITY;
