"""Every SQL statement of the service: calls of functions in schema audit, with named parameters, and session control.

No statement is formatted, and none stands in another file. db/functions holds the functions, one file each.
"""

from typing import LiteralString

# Isolation level and access mode are explicit: SQL injected into an earlier request may have changed the session's
# defaults. A standby refuses READ WRITE: it also answers queries, and must not pass for a primary.
BEGIN: LiteralString = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"
BEGIN_READ_ONLY: LiteralString = "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY"
COMMIT: LiteralString = "COMMIT"
RESET: tuple[LiteralString, ...] = ("RESET SESSION AUTHORIZATION", "RESET ALL")
"""Clears what could change the next request on a connection. Travels with each transaction."""
FORGET: LiteralString = (
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; DEALLOCATE ALL; UNLISTEN *;"
    " SELECT pg_advisory_unlock_all()"
)
"""Clears everything that a session can keep. For connections that were used otherwise, or failed."""

ENTER_TENANT: LiteralString = "SELECT audit.enter_tenant(p_api_key => %(api_key)s, p_tenant_id => %(tenant_id)s)"
SET_TENANT: LiteralString = "SELECT audit.set_tenant(p_tenant_id => %(tenant_id)s)"
TENANT_SOURCE: LiteralString = "SELECT audit.tenant_source()"
RECORD_API_KEY_USE: LiteralString = "SELECT audit.record_api_key_use(p_scope => %(scope)s)"
DESCRIBE_API_KEY: LiteralString = "SELECT audit.describe_api_key(p_api_key => %(api_key)s)"
OPEN_VIEW_LINK: LiteralString = "SELECT audit.open_view_link(p_token => %(token)s)"

SCHEMA_VERSION: LiteralString = "SELECT version, digest FROM audit.schema_version()"
ISOLATION_REPORT: LiteralString = "SELECT rule, intact, findings FROM audit.isolation_report()"
RECORD_RULES: LiteralString = "SELECT rule, field, description FROM audit.record_rules()"
WAL_POSITION: LiteralString = "SELECT database, position, is_standby FROM audit.wal_position()"
SPACE_USED: LiteralString = "SELECT relation, kind, bytes, records FROM audit.space_used()"
OUTDATED_SERVER: LiteralString = "SELECT audit.outdated_server()"

INSERT_AUDIT_LOG_BATCH: LiteralString = "SELECT audit.insert_audit_log_batch(p_records => %(records)s::json)"
INSERT_AUDIT_LOGS: LiteralString = (
    "SELECT audit.insert_audit_logs(p_records => %(records)s::json, p_first => %(first)s::int)"
)
IMPORT_AUDIT_LOGS: LiteralString = (
    "SELECT audit.import_audit_logs(p_records => %(records)s::json, p_first => %(first)s::int)"
)
REPLAY_AUDIT_LOGS: LiteralString = "SELECT audit.replay_audit_logs(p_records => %(records)s::json)"
CLAIM_IDEMPOTENCY_KEY: LiteralString = (
    "SELECT audit.claim_idempotency_key(p_key => %(key)s, p_body_sha256 => %(sha256)s, p_answer => %(answer)s)"
)

SEALING_HORIZON: LiteralString = "SELECT to_json(audit.sealing_horizon())"
SEAL_RECORDS: LiteralString = "SELECT audit.seal_records(p_milliseconds => %(milliseconds)s::int)"

GET_AUDIT_LOG: LiteralString = "SELECT audit.get_audit_log(p_id => %(id)s::uuid)"
LIST_AUDIT_LOGS: LiteralString = (
    "SELECT audit.list_audit_logs(p_agent_id => %(agent_id)s, p_trace_id => %(trace_id)s, p_user_id => %(user_id)s,"
    " p_mode => %(mode)s, p_status => %(status)s, p_http_status => %(http_status)s::int,"
    " p_start_time => %(start_time)s, p_end_time => %(end_time)s, p_limit => %(limit)s::int, p_cursor => %(cursor)s,"
    " p_order => %(order)s, p_api_key_id => %(api_key_id)s, p_context => %(context)s::json)"
)
COUNT_AUDIT_LOGS: LiteralString = (
    "SELECT audit.count_audit_logs(p_agent_id => %(agent_id)s, p_trace_id => %(trace_id)s, p_user_id => %(user_id)s,"
    " p_mode => %(mode)s, p_status => %(status)s, p_http_status => %(http_status)s::int,"
    " p_start_time => %(start_time)s, p_end_time => %(end_time)s, p_api_key_id => %(api_key_id)s,"
    " p_context => %(context)s::json)"
)
LIST_ADMIN_EVENTS: LiteralString = (
    "SELECT audit.list_admin_events(p_limit => %(limit)s::int, p_cursor => %(cursor)s, p_order => %(order)s,"
    " p_start_time => %(start_time)s, p_end_time => %(end_time)s, p_act => %(act)s, p_api_key_id => %(api_key_id)s)"
)

SUMMARIZE_AUDIT_LOGS: LiteralString = "SELECT audit.summarize_audit_logs()"
GET_CHECKPOINT: LiteralString = "SELECT audit.get_checkpoint(p_epoch => %(epoch)s::int, p_size => %(size)s::bigint)"
GET_LEAF: LiteralString = "SELECT audit.get_leaf(p_id => %(id)s::uuid)"
GET_INCLUSION_PROOF: LiteralString = (
    "SELECT audit.get_inclusion_proof(p_id => %(id)s::uuid, p_size => %(size)s::bigint)"
)
GET_CONSISTENCY_PROOF: LiteralString = (
    "SELECT audit.get_consistency_proof(p_from => %(from_size)s::bigint, p_to => %(to_size)s::bigint,"
    " p_epoch => %(epoch)s::int)"
)

READ_FEED: LiteralString = (
    "SELECT audit.read_feed(p_after => %(after)s, p_limit => %(limit)s::int, p_format => %(format)s)"
)
LISTEN_TO_SEALING: LiteralString = "SELECT audit.listen_to_sealing()"

BEGIN_EXPORT: LiteralString = (
    "SELECT audit.begin_export(p_api_key => %(api_key)s, p_format => %(format)s, p_agent_id => %(agent_id)s,"
    " p_trace_id => %(trace_id)s, p_user_id => %(user_id)s, p_mode => %(mode)s, p_status => %(status)s,"
    " p_http_status => %(http_status)s::int, p_start_time => %(start_time)s, p_end_time => %(end_time)s,"
    " p_order => %(order)s, p_api_key_id => %(api_key_id)s, p_context => %(context)s::json)"
)
CONTINUE_EXPORT: LiteralString = "SELECT audit.continue_export(p_state => %(state)s)"
COPY_EXPORT: LiteralString = "COPY (SELECT lines, state FROM audit.export_audit_logs()) TO STDOUT (FORMAT binary)"
