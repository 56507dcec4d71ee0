-- What no pattern finds in evidence: hashes, paths, checkpoints, the leaves that a bundle shows and what stands for the others, and whose
-- they are, each made to say less or something else.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        -- Hashes and paths.
        ('block_hashes', 'reads the leaves of every tenant', 'FROM audit.seals
            WHERE tenant_id = p_tenant_id AND epoch', 'FROM audit.seals
            WHERE epoch'),
        ('block_hashes', 'reads the nodes of every tenant', 'FROM audit.seal_nodes
            WHERE tenant_id = p_tenant_id AND epoch', 'FROM audit.seal_nodes
            WHERE epoch'),
        ('block_hashes', 'reads the leaves of every epoch', 'AND epoch = p_epoch AND leaf_index', 'AND leaf_index'),
        ('block_hashes', 'reads the nodes of every epoch', 'AND epoch = p_epoch AND level', 'AND level'),
        ('block_hashes', 'reads the nodes of every level', 'AND level = p_level', ''),
        ('block_hashes', 'overlooks what is missing', 'IF coalesce(octet_length(v_hashes), 0) <> 32 * (p_end - p_first) THEN', 'IF false THEN'),
        ('block_hashes', 'overlooks that all is missing', 'coalesce(octet_length(v_hashes), 0) <>', 'octet_length(v_hashes) <>'),
        ('intact_size', 'compares no subtree', 'AND subtree.hash IS DISTINCT FROM CASE k', 'AND false AND subtree.hash IS DISTINCT FROM CASE k'),
        ('parent_hashes', 'hashes inner nodes like leaves', 'decode(''01'', ''hex'')', 'decode(''00'', ''hex'')'),
        ('parent_hashes', 'hashes with no prefix', 'decode(''01'', ''hex'') || ', ''),
        ('subtree_path', 'takes the left for the right', '(v_at % 2 = 1)', '(v_at % 2 = 0)'),
        ('subtree_path', 'forgets what is left', 'IF v_rest IS NOT NULL THEN', 'IF false THEN'),
        ('subtree_path', 'forgets the edge', 'ELSIF v_height >= p_height AND v_edge[v_height + 1] IS NOT NULL THEN', 'ELSIF false THEN'),
        ('subtree_path', 'goes on in blocks of old', 'IF v_height = p_height OR v_height % 8 = 0 THEN', 'IF v_height = p_height THEN'),
        ('inclusion_path', 'joins on the left alone', 'WHEN v_path.on_left[n]', 'WHEN true'),
        ('consistency_path', 'never leaves the subtree out', 'CASE WHEN p_from = 1::bigint << v_height', 'CASE WHEN false'),
        ('consistency_path', 'always leaves the subtree out', 'CASE WHEN p_from = 1::bigint << v_height', 'CASE WHEN true'),
        ('consistency_path', 'proves a head from itself', 'IF p_from = p_to THEN', 'IF false THEN'),

        -- What a tenant is given.
        ('get_checkpoint', 'gives the oldest', 'ORDER BY c.epoch DESC, c.size DESC', 'ORDER BY c.epoch, c.size'),
        ('get_checkpoint', 'gives the largest of all epochs', 'ORDER BY c.epoch DESC, c.size DESC', 'ORDER BY c.size DESC'),
        ('get_checkpoint', 'gives any tenant''s', 'c.tenant_id = v_tenant_id AND ', ''),
        ('get_checkpoint', 'gives that of any epoch', '(p_epoch IS NULL OR c.epoch = p_epoch)', 'true'),
        ('get_checkpoint', 'gives that of any size', '(p_size IS NULL OR c.size = p_size)', 'true'),
        ('get_inclusion_proof', 'proves against the oldest', 'ORDER BY c.size DESC', 'ORDER BY c.size'),
        ('get_inclusion_proof', 'proves against any tenant''s', 'c.tenant_id = v_tenant_id AND ', ''),
        ('get_inclusion_proof', 'proves against any epoch''s', 'AND c.epoch = v_leaf.epoch', ''),
        ('get_inclusion_proof', 'proves against any size', '(p_size IS NULL OR c.size = p_size)', 'true'),
        ('get_inclusion_proof', 'counts from one', '\nindex '', v_leaf.leaf_index', '\nindex '', v_leaf.leaf_index + 1'),
        ('leaf_of_record', 'finds any tenant''s leaf', 's.tenant_id = p_tenant_id AND ', ''),
        ('leaf_of_record', 'knows any tenant''s record', ' AND l.tenant_id = p_tenant_id', ''),
        ('required_tree', 'finds any tenant''s', 't.tenant_id = p_tenant_id AND (p_epoch', '(p_epoch'),
        ('required_tree', 'finds any epoch', '(p_epoch IS NULL OR t.epoch = p_epoch)', 'true'),
        ('required_tree', 'finds the first', 'ORDER BY t.epoch DESC', 'ORDER BY t.epoch'),
        ('get_consistency_proof', 'goes beyond the tree', 'p_to NOT BETWEEN 1 AND v_tree.size', 'p_to < 1'),
        ('get_consistency_proof', 'goes back', 'p_from NOT BETWEEN 1 AND p_to', 'p_from < 1'),
        ('get_consistency_proof', 'begins with nothing', 'p_from NOT BETWEEN 1 AND p_to', 'p_from > p_to'),

        -- What a bundle shows.
        ('begin_evidence', 'tells a closed epoch to its last checkpoint', 'CASE WHEN t.epoch = newest.epoch THEN signed.size ELSE t.size END', 'signed.size'),
        ('begin_evidence', 'tells what is not signed', 'CASE WHEN t.epoch = newest.epoch THEN signed.size ELSE t.size END', 't.size'),
        ('begin_evidence', 'tells epochs that are not signed', ' ON t.epoch <= newest.epoch', ' ON newest.epoch IS NOT NULL'),
        ('begin_evidence', 'tells any tenant''s epochs', 'WHERE t.tenant_id = v_tenant_id;', ';'),
        ('begin_evidence', 'ends with any tenant''s checkpoint', 'FROM audit.checkpoints AS c WHERE c.tenant_id = v_tenant_id) AS newest', 'FROM audit.checkpoints AS c) AS newest'),
        ('begin_evidence', 'takes any tenant''s size', 'WHERE c.tenant_id = v_tenant_id AND c.epoch = t.epoch) AS signed', 'WHERE c.epoch = t.epoch) AS signed'),
        ('begin_evidence', 'knows no window', 'v_is_window boolean := num_nonnulls(p_start_time, p_end_time) > 0', 'v_is_window boolean := false'),
        ('begin_evidence', 'knows a window with both ends', 'num_nonnulls(p_start_time, p_end_time) > 0', 'num_nonnulls(p_start_time, p_end_time) > 1'),
        ('begin_evidence', 'looks behind the next leaf alone', '(s.epoch, s.leaf_index) >= (', '(s.epoch, s.leaf_index) > ('),
        ('begin_evidence', 'does not look in later epochs', '(s.epoch, s.leaf_index) >= ((v_epochs -> -1 ->> ''epoch'')::int, (v_epochs -> -1 ->> ''size'')::bigint)', 's.epoch = (v_epochs -> -1 ->> ''epoch'')::int AND s.leaf_index >= (v_epochs -> -1 ->> ''size'')::bigint'),
        ('begin_evidence', 'minds any tenant''s statement', 's.tenant_id = v_tenant_id AND s.line IS NOT NULL', 's.line IS NOT NULL'),
        ('begin_evidence', 'knows no erasure', '(prune|erase)', '(prune)'),
        ('begin_evidence', 'knows no prune', '(prune|erase)', '(erase)'),
        ('begin_evidence', 'takes the statement of an epoch for one', '"kind":"(prune|erase)"', '"kind":"(prune|erase|epoch)"'),
        ('evidence_header', 'says no window', 'v_is_window  boolean := num_nonnulls(v_start_time, v_end_time) > 0', 'v_is_window  boolean := false'),
        ('evidence_window', 'excludes its start', 'v_from - interval ''1 microsecond''', 'v_from'),
        ('evidence_window', 'includes its end', 'v_to - interval ''1 microsecond''', 'v_to'),
        ('evidence_window', 'ends after a page', 'IF v_page.reached_id IS NULL THEN', 'IF true THEN'),
        ('evidence_window', 'forgets what it found before', 'THEN least((e.epoch ->> ''first'')::bigint, found.first)', 'THEN found.first'),
        ('evidence_window', 'forgets the last that it found before', 'THEN greatest((e.epoch ->> ''last'')::bigint, least(', 'THEN greatest(NULL::bigint, least('),
        ('evidence_window', 'goes beyond the checkpoint', 'least(found.last, (e.epoch ->> ''size'')::bigint - 1)', 'found.last'),
        ('leaves_in_window', 'finds any tenant''s leaf', 'l.tenant_id = p_tenant_id AND l.record_id', 'l.record_id'),
        ('evidence_leaves', 'shows no statement', 'ELSIF v_leaf = 0 AND v_epoch > 1 THEN', 'ELSIF false THEN'),
        ('evidence_leaves', 'shows the first leaf of the first epoch', 'ELSIF v_leaf = 0 AND v_epoch > 1 THEN', 'ELSIF v_leaf = 0 THEN'),
        ('evidence_leaves', 'shows the rest of a page', 'least((v_leaf + p_leaves + 255) >> 8 << 8, v_last + 1)', 'least((v_leaf + p_leaves + 255) >> 8 << 8, v_size)'),
        ('evidence_leaves', 'gives any tenant''s checkpoint', 'c.tenant_id = p_tenant_id AND ', ''),
        ('evidence_leaves', 'gives any epoch''s checkpoint', 'c.epoch = v_epoch AND ', ''),
        ('evidence_leaves', 'forgets what it counted', '''count'', v_count)', '''count'', 0)'),
        ('evidence_page', 'shows any tenant''s leaves', 'WHERE tenant_id = p_tenant_id AND epoch', 'WHERE epoch'),
        ('evidence_page', 'shows any epoch''s leaves', 'AND epoch = p_epoch AND leaf_index', 'AND leaf_index'),
        ('evidence_page', 'shows any tenant''s records', ' AND r.tenant_id = p_tenant_id OFFSET 0', ' OFFSET 0'),
        ('evidence_page', 'overlooks a leaf that is missing', 'IF v_leaves IS DISTINCT FROM p_end - p_first THEN', 'IF false THEN'),
        ('evidence_page', 'leaves out what is missing', 'concat(''{"omitted":'', s.leaves, '',"hash":"'', encode(s.hash, ''hex''), E''"}\n'')', ''''''),
        ('evidence_part', 'ends no part for its size', 'v_bytes >= c_bytes OR ', ''),
        ('evidence_part', 'ends each part for its size', 'v_bytes >= c_bytes OR ', 'true OR '),
        ('evidence_part', 'ends no part for its time', ' OR clock_timestamp() >= v_until', ''),

        -- The signer.
        ('store_checkpoint', 'believes any root', 'ELSIF p_root IS DISTINCT FROM audit.root_of_size(p_tenant_id, p_epoch, p_size) THEN', 'ELSIF false THEN'),
        ('store_checkpoint', 'believes an unknown root', 'p_root IS DISTINCT FROM audit.root_of_size', 'p_root <> audit.root_of_size'),
        ('store_checkpoint', 'lets a repetition wait for nothing', 'PERFORM pg_logical_emit_message(true, ''ringfence'', '''');', 'NULL;'),
        ('store_checkpoint', 'replaces a note', 'DO NOTHING', 'DO UPDATE SET note = excluded.note'),
        ('store_checkpoint', 'takes the time of the transaction', 'p_note, clock_timestamp())', 'p_note, now())'),
        ('store_checkpoint', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('signer_consistency_proof', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('signer_epoch_statement', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('seal_records', 'leaves the caller''s tenant entered where nothing is due', E'every case, also where there is nothing to seal.\n    PERFORM audit.leave_tenant();', ''),
        ('seal_records', 'leaves the tenant entered', E'of this transaction.\n    PERFORM audit.leave_tenant();', ''),
        ('sealing_lag', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('begin_epoch', 'leaves the tenant entered', 'PERFORM audit.leave_tenant();', ''),
        ('list_tree_heads', 'lists closed epochs', '(head.is_newest OR head.signed_size IS DISTINCT FROM head.size)', 'true'),
        ('list_tree_heads', 'lists the newest epochs alone', ' OR head.signed_size IS DISTINCT FROM head.size', ''),
        ('list_tree_heads', 'lists what has been signed in part', 'head.signed_size IS DISTINCT FROM head.size', 'head.signed_size IS NULL'),
        ('list_tree_heads', 'lists empty trees', 'head.size > 0 AND ', ''),
        ('list_tree_heads', 'takes any tenant''s checkpoint', 'c.tenant_id = t.tenant_id AND ', ''),
        ('list_tree_heads', 'takes any epoch''s checkpoint', ' AND c.epoch = t.epoch', ''),
        ('list_tree_heads', 'takes any tenant''s epoch', 'n.tenant_id = t.tenant_id AND ', ''),
        ('signer_epoch_statement', 'gives any tenant''s', 's.tenant_id = p_tenant_id AND ', ''),
        ('signer_epoch_statement', 'gives any epoch''s', 's.epoch = p_epoch AND ', ''),
        ('signer_epoch_statement', 'gives any leaf', ' AND s.leaf_index = 0', '')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s, of evidence, %s', r.function, r.how),
       -- The phrase as it stands, and what comes instead too: of a regular expression no character means anything but itself.
       regexp_replace(s.body, '***=' || r.phrase, replace(r.instead, '\', '\\'))
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
ORDER BY 1
