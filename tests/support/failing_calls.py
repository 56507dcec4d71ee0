"""Every function that runs as its owner, and arguments for it: some that fail inside, some that succeed."""

# Bytes that are no text, from a setting of the session's start, which no check of the encoding meets.
BAD = "current_setting('app.bad')"
GLOBEX = "current_setting('app.globex')"  # the public id of its key; app.own is a key of acme's

KEYS = [
    f"'rf_' || {GLOBEX} || '_' || {BAD} || repeat('0', 63)",
    f"'rf_' || {GLOBEX} || '_' || repeat('0', 64)",
    f"'rf_' || {GLOBEX} || '_' || repeat(chr(233), 32)",
    f"'rf_' || {BAD} || repeat('0', 80)",
    "current_setting('app.own')",
    "NULL",
]
LINK = "current_setting('app.link')"  # the token of a view link of acme
OTHER_LINK = "current_setting('app.other_link')"  # the public id of another
TOKENS = [
    f"'rfl_' || {OTHER_LINK} || '_' || {BAD} || repeat('0', 63)",
    f"'rfl_' || {OTHER_LINK} || '_' || repeat('0', 64)",
    f"'rfl_' || {OTHER_LINK} || '_' || repeat(chr(233), 32)",
    f"'rfl_' || {BAD} || repeat('0', 80)",
    LINK,
    "NULL",
]
IDS = [BAD, GLOBEX, "split_part(current_setting('app.own'), '_', 2)"]
IMPORTED = """'[{"agent_id": "a", "created_at": "2026-01-01T00:00:00Z"}]'"""
ROOT = "sha256(decode('0030', 'hex'))"  # of a tree with the leaf 0
NOTE = f"concat('example/globex', chr(10), 1, chr(10), encode({ROOT}, 'base64'), chr(10), chr(10), 'signature')"
HOLD = "(SELECT h.id FROM audit.list_holds() AS h WHERE h.status = '{}')"
LINE = "json_build_array(json_build_object('line', current_setting('app.line') || {}, 'hmac', {}))"
FILTERS = (
    "p_agent_id => {0}, p_trace_id => {0}, p_user_id => NULL, p_mode => NULL, p_status => NULL, p_http_status => NULL,"
    " p_start_time => NULL, p_end_time => NULL, p_limit => 5, p_cursor => {0}, p_order => 'desc', p_api_key_id => {0},"
    " p_context => NULL"
)
COUNTED = FILTERS.replace(" p_limit => 5, p_cursor => {0}, p_order => 'desc',", "")
# The arguments with which each function is called: some that fail inside, some that succeed.
INTERNAL = {
    "append_gone_statements", "end_keys_of_user", "enter_tenant_to_keep", "lock_tree_to_keep", "note_looked_at",
    "record_keeping_event", "record_pruned_ids",
}  # fmt: skip
"""Functions of audit_keeper's alone, which others of the list call."""
CALLS: dict[str, list[str]] = {
    "are_pruned": ["NULL", "ARRAY[gen_random_uuid()]", f"ARRAY[({BAD})::uuid]"],
    "are_stored": [
        "'[]'", "NULL", "'[1]'", "'{}'", IMPORTED, f"json_build_array(json_build_object('agent_id', {BAD}))",
    ],
    "begin_epoch": ["'restore', NULL", f"{BAD}, NULL", "NULL, '[]'", "'restore', '[1]'"],
    "begin_proven_evidence": ["NULL, NULL", "now(), NULL", f"{BAD}::timestamptz, NULL", "'infinity', '-infinity'"],
    "claim_idempotency_key": [
        f"{BAD}, sha256('a'), 'a'", "'k', sha256('a'), 'a'", "NULL, sha256('a'), 'a'", "'k', 'a', 'a'",
        "'k', sha256('a'), NULL",
    ],
    "confirm_release": [HOLD.format("release asked"), "gen_random_uuid()", f"({BAD})::uuid", "NULL"],
    "count_due_records": [""],
    "count_proven_audit_logs": [COUNTED.format(text) for text in (BAD, "'x'", "NULL")],
    "create_tenant": [f"{BAD}, 'name'", f"'new', {BAD}", "'globex'", "'new'", "NULL"],
    "describe_administration": [""],
    "describe_api_key": KEYS,
    "enter_tenant": [*KEYS, f"current_setting('app.own'), {BAD}", f"{KEYS[1]}, 'globex'"],
    "erase_record": [
        "'globex', gen_random_uuid(), 'request'", f"{BAD}, NULL, 'request'", f"'globex', ({BAD})::uuid, 'request'",
        f"'globex', gen_random_uuid(), {BAD}", "NULL, NULL, NULL",
    ],
    "erase_user": [
        "'globex', 'nobody', 'request'", f"'globex', {BAD}, 'request'", f"{BAD}, 'nobody', 'request'",
        f"'globex', 'nobody', {BAD}", "NULL, NULL, NULL", "'globex', 'nobody', 'request', -1",
    ],
    "export_proven_audit_logs": [""],
    "get_proven_audit_log": ["gen_random_uuid()", f"({BAD})::uuid", "NULL"],
    "get_proven_checkpoint": ["NULL, NULL", "1, 1", f"NULL, ({BAD})::bigint", "-1, 9223372036854775807"],
    "get_proven_consistency_proof": ["1, 1, NULL", "0, 0, 1", f"1, ({BAD})::bigint, NULL", "NULL, NULL, NULL"],
    "get_proven_inclusion_proof": ["gen_random_uuid(), NULL", f"({BAD})::uuid, 1", "NULL, NULL"],
    "get_proven_leaf": ["gen_random_uuid()", f"({BAD})::uuid", "NULL"],
    "import_audit_log_batch": [
        "'[]'", "'[1]'", "'{}'", "NULL", IMPORTED,
        f"json_build_array(json_build_object('agent_id', {BAD}, 'created_at', now()))",
    ],
    "issue_api_key": [
        "'acme', 'label'", f"'acme', {BAD}", f"{BAD}, 'label'", "'acme', repeat('x', 300)", "'nobody', 'label'",
        "'acme', 'label', ARRAY['none']", "'acme', 'label', NULL", "'acme', 'label', ARRAY['read'], '-infinity'",
    ],
    "issue_view_link": [
        "'acme', 'label', now() + interval '1 day', 60", f"'acme', {BAD}, now() + interval '1 day', 60",
        f"{BAD}, 'label', now() + interval '1 day', 60", "'nobody', 'label', now() + interval '1 day', 60",
        "'acme', 'label', '-infinity', 60", "'acme', 'label', now() + interval '1 day', -1",
        """'acme', 'label', now() + interval '1 day', 60, '{"start_time": "now"}'""",
        f"'acme', 'label', now() + interval '1 day', 60, json_build_object('agent_id', {BAD})",
    ],
    "list_all_admin_events": ["", "'globex'", f"NULL, {BAD}", "p_limit => -1"],
    "list_api_keys": ["", BAD, "'globex'"],
    "list_holds": ["", BAD, "'globex'"],
    "list_proven_admin_events": [
        f"{limit}, NULL, 'desc', NULL, NULL, {act}, NULL" for limit, act in (("5", "NULL"), ("-1", "NULL"), ("5", BAD))
    ],
    "list_proven_audit_logs": [FILTERS.format(text) for text in (BAD, "'x'", "NULL")],
    "list_retention": ["", BAD, "'globex'"],
    "list_tenants": [""],
    "list_tree_heads": [""],
    "list_view_links": ["", BAD, "'globex'"],
    "offboarding": ["'globex'", BAD, "NULL"],
    "open_view_link": TOKENS,
    "place_hold": [
        "'globex', 'reason', 'reference'", f"'globex', {BAD}, 'reference'", f"{BAD}, 'reason', 'reference'",
        "'globex', 'reason', 'reference', repeat('x', 2000)", "NULL, NULL, NULL",
    ],
    "proven_tenant": ["'read'", "'write'", BAD, "NULL"],
    "prune_records": ["", "NULL", "-1"],
    "read_proven_feed": ["NULL, 1, 'ringfence'", f"{BAD}, 1, 'ringfence'", f"NULL, 1, {BAD}", "'x', NULL, NULL"],
    "record_api_key_use": ["'read'", "'write'", "'import'", BAD, "NULL"],
    "record_export": KEYS,
    "refresh_statistics": [""],
    "release_hold": [
        f"{HOLD.format('held')}, 'reason'", "gen_random_uuid(), 'reason'", f"({BAD})::uuid, {BAD}", "NULL, NULL",
    ],
    "replay_audit_logs": [
        LINE.format("''", "repeat('0', 64)"), LINE.format(BAD, "repeat('0', 64)"), LINE.format("''", BAD),
        LINE.format("' '", "NULL"), "'[1]'", "'{}'", "NULL",
    ],
    "revoke_api_key": [BAD, "split_part(current_setting('app.spare'), '_', 2)", "NULL"],
    "revoke_view_link": [BAD, OTHER_LINK, f"split_part({LINK}, '_', 2)", "NULL"],
    "rotate_api_key": [
        *IDS, "split_part(current_setting('app.own'), '_', 2), 'infinity'::text::interval",
        "split_part(current_setting('app.own'), '_', 2), '91 days'", "NULL",
    ],
    "rotate_proof_secret": [""],
    "schema_version": [""],
    "seal_records": ["", "NULL", "-1"],
    "sealing_lag": [""],
    "set_retention": ["'globex', 200, 10", "'globex', 1, 1", f"{BAD}, 200, 10", "NULL, NULL, NULL"],
    "signer_consistency_proof": ["'globex', 1, 1, 1", f"{BAD}, 1, 1, 1", "NULL, NULL, NULL, NULL", "'nobody', 1, 1, 1"],
    "signer_epoch_statement": ["'globex', 2", f"{BAD}, 1", "NULL, NULL", "'nobody', 2"],
    "store_checkpoint": [
        f"'globex', 1, 1, {ROOT}, {NOTE}", "'globex', 1, 1, sha256('a'), 'note'", f"{BAD}, 1, 1, '', ''",
        f"'globex', 1, 1, sha256('a'), {BAD}",
        "NULL, NULL, NULL, NULL, NULL",
    ],
    "summarize_proven_audit_logs": ["24", "0", "NULL", f"({BAD})::int"],
}  # fmt: skip
