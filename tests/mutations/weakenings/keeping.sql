-- What no pattern finds: the comparisons that terms, holds, prunes and erasures rest on, each made to say less. As comparisons.sql, which says how.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        -- Terms.
        ('set_retention', 'takes a day less than the floor', 'p_live_days < v_floor', 'p_live_days < v_floor - 1'),
        ('set_retention', 'refuses the floor itself', 'p_live_days < v_floor', 'p_live_days <= v_floor'),
        ('set_retention', 'leaves terms as they were', E'DO UPDATE\n', E'DO NOTHING; --'),
        ('set_retention', 'forgets the term of DRY_RUN', 'dry_run_days = p_dry_run_days', 'dry_run_days = NULL'),
        ('list_retention', 'forgets a floor that was raised', 'greatest(r.live_days, v_floor)', 'r.live_days'),
        ('list_retention', 'makes a term of the floor', 'CASE WHEN r.live_days IS NOT NULL THEN greatest(r.live_days, v_floor) END', 'greatest(r.live_days, v_floor)'),
        ('list_retention', 'lists every tenant', 'p_tenant_id IS NULL OR r.tenant_id = p_tenant_id', 'true'),
        ('list_retention', 'lets a new tenant wait', 'NULLS FIRST', 'NULLS LAST'),
        ('due_batch', 'takes what is as old as its term', 'l.mode = p_mode AND l.created_at < p_before', 'l.mode = p_mode AND l.created_at <= p_before'),
        ('due_batch', 'takes what is as old as its term, without a mode', 'l.mode IS NULL AND l.created_at < p_before', 'l.mode IS NULL AND l.created_at <= p_before'),
        ('due_batch', 'repeats a record', 'l.mode = p_mode AND l.created_at < p_before
              AND (l.created_at, l.id) > (p_after_time, p_after_id)', 'l.mode = p_mode AND l.created_at < p_before
              AND (l.created_at, l.id) >= (p_after_time, p_after_id)'),
        ('due_batch', 'loses equal times', 'l.mode = p_mode AND l.created_at < p_before
              AND (l.created_at, l.id) > (p_after_time, p_after_id)', 'l.mode = p_mode AND l.created_at < p_before
              AND l.created_at > p_after_time'),
        ('due_batch', 'takes every mode', 'l.mode = p_mode AND ', ''),
        ('due_batch', 'takes every mode for none', 'l.mode IS NULL AND ', ''),
        ('due_batch', 'takes what is held', 'IF p_held > 0 THEN', 'IF false THEN'),
        ('due_batch', 'takes what is not sealed', 'SELECT array_agg(s.record_id), array_agg(due.created_at), array_agg(s.epoch), array_agg(s.leaf_index)
    INTO p_ids', 'SELECT v_ids, array_agg(due.created_at), array_agg(s.epoch), array_agg(s.leaf_index)
    INTO p_ids'),
        ('due_batch', 'counts what is held as not sealed', 'p_seen - p_held - coalesce', 'p_seen - coalesce'),
        ('has_due_records', 'asks for no DRY_RUN', 'l.mode = ''DRY_RUN'' AND ', 'false AND '),
        ('has_due_records', 'asks for no LIVE', 'l.mode = ''LIVE'' AND ', 'false AND '),
        ('has_due_records', 'asks for none without a mode', 'l.mode IS NULL AND ', 'false AND '),
        ('has_due_records', 'takes days of the session''s zone', 'make_interval(hours => 24 * p_live_days)', 'make_interval(days => p_live_days)'),
        ('has_due_records', 'takes one term for the other', 'make_interval(hours => 24 * p_live_days)', 'make_interval(hours => 24 * p_dry_run_days)'),
        ('prune_tenant', 'takes days of the session''s zone', 'make_interval(hours => 24 * term.days)', 'make_interval(days => term.days)'),
        ('count_due_records', 'takes days of the session''s zone', 'make_interval(hours => 24 * m.days)', 'make_interval(days => m.days)'),
        ('prune_tenant', 'takes one term for all', '(1, ''DRY_RUN'', v_days.dry_run_days)', '(1, ''DRY_RUN'', v_days.live_days)'),
        ('prune_tenant', 'prunes no record without a mode', ', (3, '''', v_days.live_days)', ''),
        ('prune_tenant', 'begins every call anew', 'coalesce(array_position(ARRAY[''DRY_RUN'', ''LIVE'', ''''], v_at), 1)', '1'),
        ('prune_tenant', 'never ends a pass', 'SET pass_mode = NULL, pass_time = NULL, pass_id = NULL', 'SET pruned_at = v_now'),
        ('prune_tenant', 'does not say when it had its turn', 'SET pruned_at = v_now WHERE', 'SET pruned_at = r.pruned_at WHERE'),
        ('prune_tenant', 'works beyond its deadline', 'EXIT WHEN clock_timestamp() >= p_deadline;', ''),
        ('prune_tenant', 'says nothing in the tree', 'PERFORM audit.append_gone_statements(', 'PERFORM concat('),
        ('prune_tenant', 'names one term for all modes', 'nullif(v_term.mode, ''''), v_term.days)', 'nullif(v_term.mode, ''''), v_days.live_days)'),
        ('prune_tenant', 'names no mode', 'nullif(v_term.mode, '''')', 'NULL'),
        ('prune_tenant', 'states leaves of the mode before again', E'        v_leaves := ''{}'';\n', E'        v_leaves := coalesce(v_leaves, ''{}'');\n'),
        ('prune_tenant', 'states when it ended, and not when records were due', 'v_leaves, v_now, v_times', 'v_leaves, clock_timestamp(), v_times'),
        ('prune_tenant', 'says nothing in the events', 'PERFORM audit.record_keeping_event', 'PERFORM jsonb_build_object'),
        ('prune_records', 'stops at the first fault', 'EXCEPTION WHEN OTHERS THEN', 'EXCEPTION WHEN SQLSTATE ''TAP99'' THEN'),
        ('prune_records', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('count_due_records', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('prune_batch', 'does not move on', 'UPDATE audit.retention AS r SET pass_mode = p_mode', 'UPDATE audit.retention AS r SET pass_mode = r.pass_mode'),
        ('prune_batch', 'begins at the oldest each time', 'coalesce(v_pass.pass_time, ''-infinity'')', '''-infinity'''),
        ('prune_batch', 'goes on in another mode', ' AND r.pass_mode = p_mode', ''),
        ('prune_batch', 'leaves the salt', 'SET record_id = NULL, salt = NULL, private_sha256 = NULL', 'SET record_id = NULL, salt = s.salt, private_sha256 = NULL'),
        ('prune_batch', 'leaves the digest', 'SET record_id = NULL, salt = NULL, private_sha256 = NULL', 'SET record_id = NULL, salt = NULL, private_sha256 = s.private_sha256'),
        ('prune_batch', 'notes no id', 'PERFORM audit.record_pruned_ids(v_due.p_ids);', ''),
        ('prune_batch', 'folds nothing', 'PERFORM audit.fold_tiles(p_tenant_id, p_epochs, p_leaves);', ''),

        -- Tiles.
        ('fold_tiles', 'folds above what is signed', 'coalesce((SELECT max(c.size) FROM audit.checkpoints AS c WHERE c.tenant_id = p_tenant_id AND c.epoch = v_epoch), 0)', 'NULL'),
        ('fold_tiles', 'folds what was never signed', 'c.epoch = v_epoch), 0)', 'c.epoch = v_epoch), 9000000000)'),
        ('fold_tiles', 'folds up to the end of the tree', 't.epoch = v_epoch) - 1', 't.epoch = v_epoch)'),
        ('fold_tiles', 'asks for no hash', 'node.is_there AND ', ''),
        ('fold_tiles', 'takes a node of any level', 'n.level = 1 AND ', ''),
        ('fold_tiles', 'folds a tile with a signed size', ' AND NOT signed.is_inside', ''),
        ('fold_tiles', 'folds a tile whose first leaf ends a signed tree', 'c.size > touched.first AND', 'c.size > touched.first + 1 AND'),
        ('fold_tiles', 'keeps a tile that begins where a signed tree ends', 'c.size > touched.first AND', 'c.size >= touched.first AND'),
        ('fold_tiles', 'keeps a tile that ends with a signed tree', 'c.size < touched.beyond', 'c.size <= touched.beyond'),
        ('fold_tiles', 'forgets a lost checkpoint', 'AND NOT EXISTS (SELECT FROM unnest(v_known) AS size WHERE size > touched.first AND size < touched.beyond)', ''),
        ('fold_tiles', 'takes any epoch''s lost checkpoint', ' AND n.line LIKE concat(''%"previous_epoch":'', v_epoch, '',%'')', ''),
        ('fold_tiles', 'folds a tile of 255', ' = 256 AS are_pruned', ' >= 255 AS are_pruned'),
        ('fold_tiles', 'takes a statement for pruned', 's.record_id IS NULL AND s.line IS NULL', 's.record_id IS NULL'),
        ('fold_tiles', 'deletes a leaf of the next tile', 's.leaf_index < v_first + 256', 's.leaf_index <= v_first + 256'),
        ('fold_tiles', 'leaves a leaf behind', 's.leaf_index >= v_first AND', 's.leaf_index > v_first AND'),

        -- Holds.
        ('held_records', 'takes a released hold for one that holds, and none for any', 'IF NOT EXISTS (SELECT FROM audit.legal_holds AS h WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL) THEN', 'IF true THEN'),
        ('held_records', 'does not end with the release', 'WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL
              AND', 'WHERE h.tenant_id = p_tenant_id
              AND'),
        ('held_records', 'ends when a release is asked for', 'WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL
              AND', 'WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL AND h.release_asked_at IS NULL
              AND'),
        ('held_records', 'holds no approver', ' OR h.user_id = l.context ->> ''approver''', ''),
        ('held_records', 'holds no user', 'h.user_id = l.user_id OR ', ''),
        ('held_records', 'asks for no agent', 'h.agent_id IS NULL OR h.agent_id = l.agent_id', 'true'),
        ('held_records', 'asks for no trace', 'h.trace_id IS NULL OR h.trace_id = l.trace_id', 'true'),
        ('held_records', 'begins after its start', 'h.start_time <= l.created_at', 'h.start_time < l.created_at'),
        ('held_records', 'ends with its end', 'h.end_time > l.created_at', 'h.end_time >= l.created_at'),
        ('held_records', 'takes any condition', 'AND (h.agent_id IS NULL', 'OR (h.agent_id IS NOT NULL'),
        ('place_hold', 'names the group', 'session_user, now()', 'current_user, now()'),
        ('place_hold', 'forgets the end', 'p_start_time, p_end_time, p_reason', 'p_start_time, NULL, p_reason'),
        ('place_hold', 'forgets the start', 'p_start_time, p_end_time, p_reason', 'NULL, p_end_time, p_reason'),
        ('place_hold', 'says whom it is about', 'jsonb_build_object(''hold'', v_id)', 'jsonb_build_object(''hold'', v_id, ''user'', p_user_id)'),
        ('place_hold', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('list_holds', 'lists those of every tenant', 'p_tenant_id IS NULL OR h.tenant_id = p_tenant_id', 'true'),
        ('list_holds', 'shows a release that is asked for as held', 'WHEN h.release_asked_at IS NOT NULL THEN ''release asked'' ', ''),
        ('list_holds', 'shows a released one as held', 'WHEN h.released_at IS NOT NULL THEN ''released'' ', ''),
        ('release_hold', 'never needs two', '(SELECT r.release_by_two FROM audit.retention_rules AS r)', 'false'),
        ('release_hold', 'releases what was released', ' AND h.released_at IS NULL', ''),
        ('release_hold', 'releases at once and asks all the same', 'released_at      = CASE WHEN NOT v_by_two THEN now() END', 'released_at      = now()'),
        ('confirm_release', 'lets the one that asked confirm', 'v_hold.release_asked_by = session_user', 'v_hold.release_asked_by = current_user'),
        ('confirm_release', 'confirms what nobody asked for', ' AND h.release_asked_at IS NOT NULL', ''),
        ('confirm_release', 'confirms twice', ' AND h.released_at IS NULL', ''),
        ('confirm_release', 'releases every hold', 'released_at = now() WHERE h.id = p_id', 'released_at = now() WHERE h.released_at IS NULL'),

        -- Erasure.
        ('records_of_user', 'finds no approver', ' OR d.context ->> ''approver'' = p_user_id', ''),
        ('records_of_user', 'finds who begins like it', 'd.user_id = p_user_id', 'starts_with(d.user_id, p_user_id)'),
        ('records_of_user', 'takes a full page for the last', 'v_count < p_limit', 'v_count <= p_limit'),
        ('records_of_user', 'repeats a record', '> (p_after_time, p_after_id)', '>= (p_after_time, p_after_id)'),
        ('records_of_user', 'loses equal times', '(l.created_at, l.id) > (p_after_time, p_after_id)', 'l.created_at > p_after_time'),
        ('erase_user', 'erases what is held', 'WHERE id <> ALL (v_held)', ''),
        ('erase_user', 'names the person', '''count'', erased,', '''user'', p_user_id, ''count'', erased,'),
        ('erase_user', 'takes no reference', 'coalesce(length(p_reference), 0) NOT BETWEEN 1 AND 200', 'length(p_reference) > 200'),
        ('erase_user', 'takes a reference of any length', 'NOT BETWEEN 1 AND 200', 'NOT BETWEEN 1 AND 201'),
        ('erase_user', 'takes a reference that names the person', 'strpos(lower(p_reference), lower(p_user_id)) > 0', 'false'),
        ('erase_user', 'takes the person in other letters', 'strpos(lower(p_reference), lower(p_user_id)) > 0', 'strpos(p_reference, p_user_id) > 0'),
        ('erase_user', 'does not say for which request', ', ''reference'', p_reference', ''),
        ('erase_user', 'reads beyond its deadline', ' OR clock_timestamp() >= v_deadline', ''),
        ('erase_user', 'empties holds of everybody', 'h.tenant_id = p_tenant_id AND h.user_id = p_user_id', 'h.tenant_id = p_tenant_id'),
        ('erase_user', 'empties holds while something is held', 'v_id IS NULL AND NOT EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.user_id = p_user_id)', 'v_id IS NULL'),
        ('erase_user', 'leaves the reason', 'reason = ''erased'', release_reason', 'release_reason'),
        ('erase_user', 'says nothing in the tree', 'PERFORM audit.append_gone_statements(''erase'', p_tenant_id, v_epochs, v_leaves, clock_timestamp());', ''),
        ('erase_user', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('erase_record', 'takes no reference', 'coalesce(length(p_reference), 0) NOT BETWEEN 1 AND 200', 'length(p_reference) > 200'),
        ('erase_record', 'takes a reference of any length', 'NOT BETWEEN 1 AND 200', 'NOT BETWEEN 1 AND 201'),
        ('erase_record', 'does not say for which request', ', ''reference'', p_reference', ''),
        ('erase_record', 'erases what is held', 'audit.held_records(p_tenant_id, ARRAY[p_id]) <> ''{}''', 'false'),
        ('erase_record', 'says nothing in the tree', 'PERFORM audit.append_gone_statements(''erase'', p_tenant_id, v_gone.p_epochs, v_gone.p_leaves, clock_timestamp());', ''),
        ('erase_record', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('erase_records', 'erases what was changed', 'IF NOT v_intact THEN', 'IF false THEN'),
        ('erase_records', 'erases before it is sealed', 'l.id = ANY (v_ids)', 'l.id = ANY (p_ids)'),
        ('erase_records', 'leaves the context', 'error = NULL, context = NULL', 'error = NULL'),
        ('erase_records', 'leaves the salt', 'SET salt = NULL, private_sha256 = v_digests[n]', 'SET salt = s.salt'),
        ('erase_records', 'erases again', ' AND t.salt IS NOT NULL', ''),

        -- Statements and ids.
        ('gone_leaf_line', 'names the last leaf and not the one after it', 'max(numbered.leaf) + 1', 'max(numbered.leaf)'),
        ('gone_leaf_line', 'takes the session''s zone', 'p_at AT TIME ZONE ''UTC''', 'p_at'),
        ('gone_leaf_line', 'takes the session''s zone for the first record', 'p_first AT TIME ZONE ''UTC''', 'p_first'),
        ('gone_leaf_line', 'takes the session''s zone for the last record', 'p_last AT TIME ZONE ''UTC''', 'p_last'),
        ('gone_leaf_line', 'says milliseconds', 'SS.US"Z"', 'SS.MS"Z"'),
        ('gone_leaf_line', 'says a term of an erasure', 'CASE p_kind WHEN ''prune'' THEN', 'CASE WHEN true THEN'),
        ('append_gone_statements', 'says the first time of all statements', 'v_gone.first, v_gone.last', '(SELECT min(t) FROM unnest(p_times) AS t), v_gone.last'),
        ('append_gone_statements', 'says the last time of all statements', 'v_gone.first, v_gone.last', 'v_gone.first, (SELECT max(t) FROM unnest(p_times) AS t)'),
        ('append_gone_statements', 'speaks in the first epoch', '(SELECT max(t.epoch)', '(SELECT min(t.epoch)'),
        ('append_gone_statements', 'makes a line of any length', 'c_ranges CONSTANT int := 10000', 'c_ranges CONSTANT int := 10001'),
        ('append_statement', 'believes any tree', 'audit.intact_size(p_tenant_id, p_epoch)', '(SELECT t.size FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = p_epoch)'),
        ('lock_tree_to_keep', 'begins no tree', 'PERFORM audit.begin_tree(p_tenant_id);', 'RETURN NULL;'),
        ('lock_tree_to_keep', 'believes any tree', 'PERFORM audit.intact_size(p_tenant_id, v_epoch);', ''),
        ('lock_tree_to_keep', 'asks of a tree that a hold is placed in', 'IF NOT p_wait THEN', 'IF true THEN'),
        ('record_keeping_event', 'takes any act', 'p_act NOT IN (''records pruned'', ''person erased'', ''record erased'')', 'false'),
        ('enter_tenant_to_keep', 'enters with the scopes of a key', '''keep,seal''', '''keep,seal,read,write'''),
        ('are_pruned', 'looks for the first id alone', 'ANY (p_ids)', 'ANY (p_ids[1:1])'),
        ('insert_audit_log', 'takes the id of a pruned record', 'p_id IS NOT NULL AND audit.are_pruned(ARRAY[p_id])', 'false'),
        ('store_audit_logs', 'takes ids of pruned records', 'IF audit.are_pruned(v_ids) THEN', 'IF false THEN'),

        -- Proofs and bundles of what is left.
        ('block_hashes', 'takes missing leaves for pruned ones', 't.leaf_index >= p_first >> 8 << 8 AND t.leaf_index < (p_first >> 8) + 1 << 8', 't.leaf_index = p_first'),
        ('block_hashes', 'takes pruned leaves for missing ones', 'p_level = 0 AND EXISTS', 'false AND EXISTS'),
        ('evidence_page', 'shows no folded tile', 'n.node_index < p_end >> 8', 'n.node_index < 0'),
        ('evidence_page', 'shows a tile beside its leaves', 't.leaf_index = n.node_index << 8))', 't.leaf_index < 0))'),
        ('evidence_page', 'believes a page without leaves', 'v_leaves IS DISTINCT FROM p_end - p_first', 'v_leaves <> p_end - p_first'),
        ('evidence_page', 'takes a folded tile for a contradiction', 'WHERE border.leaf % 256 > 0', 'WHERE false'),
        ('evidence_page', 'makes the line of an erased record anew', 'coalesce(s.private_sha256, sha256(convert_to(p.line, ''UTF8'')))', 'sha256(convert_to(p.line, ''UTF8''))'),
        ('evidence_leaves', 'ends a page in the middle of a tile', '(v_leaf + p_leaves + 255) >> 8 << 8', 'v_leaf + p_leaves'),

        -- Offboarding.
        ('offboarding', 'counts revoked keys', ' AND k.revoked_at IS NULL', ''),
        ('offboarding', 'counts keys that have expired', ' AND (k.expires_at IS NULL OR k.expires_at > now())', ''),
        ('offboarding', 'counts released holds', 'h.tenant_id = p_tenant_id AND h.released_at IS NULL', 'h.tenant_id = p_tenant_id'),
        ('offboarding', 'says of an export that was begun that it is taken', 'WHEN v_export.is_whole THEN NULL', 'WHEN v_export.is_whole THEN true'),
        ('offboarding', 'takes any export', ' AND e.detail ->> ''format'' = ''evidence''', ''),
        ('offboarding', 'takes one term for both', 'v_left.dry_run IS NULL OR v_terms.dry_run_days IS NOT NULL', 'true'),
        ('offboarding', 'asks for no term of LIVE', 'v_left.live IS NULL OR v_terms.live_days IS NOT NULL', 'true'),
        ('offboarding', 'looks past records without a mode', 'l.tenant_id = p_tenant_id AND l.mode IS NULL', 'false'),
        ('offboarding', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', '')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s, of keeping, %s', r.function, r.how),
       -- The phrase as it stands, and what comes instead too: of a regular expression no character means anything but itself.
       regexp_replace(s.body, '***=' || r.phrase, replace(r.instead, '\', '\\'))
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
ORDER BY 1
