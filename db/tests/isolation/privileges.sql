-- Proves: who may do what with each object, as a matrix of role by object, and that PUBLIC may do nothing. Privileges
-- are asked as they take effect, memberships included.

BEGIN;
SELECT plan(24);

CREATE TEMPORARY VIEW role AS
    SELECT * FROM (VALUES
        ('audit_app'), ('audit_trusted'), ('audit_keyed'), ('audit_admin'), ('audit_sealer'), ('audit_signer'), ('audit_keeper'),
        ('audit_retention'), ('audit_eraser'), ('audit_migrator'), ('public')) AS role (name);

-- Tables. A privilege on some columns only is asked for further below.
SELECT results_eq(
    $$SELECT r.name, c.relname, p.name
      FROM role AS r
      CROSS JOIN pg_class AS c
      CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) AS p (name)
      WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind NOT IN ('i', 'I')
        AND has_table_privilege(r.name, c.oid, p.name)
      ORDER BY r.name COLLATE "C", c.relname, p.name COLLATE "C"$$,
    $$VALUES ('audit_keeper', 'audit_logs'::name, 'DELETE'), ('audit_keeper', 'legal_holds', 'SELECT'),
             ('audit_keeper', 'retention', 'SELECT'), ('audit_keeper', 'seal_nodes', 'SELECT'),
             ('audit_keeper', 'seals', 'DELETE'), ('audit_keeper', 'seals', 'SELECT'),
             ('audit_trusted', 'admin_events', 'SELECT'), ('audit_trusted', 'checkpoints', 'SELECT'),
             ('audit_trusted', 'seal_nodes', 'SELECT'), ('audit_trusted', 'seals', 'SELECT'), ('audit_trusted', 'tenants', 'SELECT')$$,
    'on whole tables: audit_trusted reads acts, leaves, nodes, checkpoints and its row of the register, audit_keeper reads holds, terms, leaves '
    'and nodes and deletes records and leaves, nobody else anything');
SELECT results_eq(
    $$SELECT r.name, c.relname, p.name, array_agg(a.attname ORDER BY a.attnum)
      FROM role AS r
      CROSS JOIN pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('REFERENCES')) AS p (name)
      WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind NOT IN ('i', 'I')
        AND has_column_privilege(r.name, c.oid, a.attnum, p.name)
        AND NOT has_table_privilege(r.name, c.oid, p.name)
      GROUP BY r.name, c.relname, p.name
      ORDER BY r.name COLLATE "C", c.relname, p.name$$,
    $$VALUES ('audit_app', 'audit_logs'::name, 'INSERT',
              '{id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,context}'::name[]),
             ('audit_keeper', 'audit_logs', 'SELECT',
              '{id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,created_at,recorded_at,api_key_id,context}'),
             ('audit_keeper', 'audit_logs', 'UPDATE', '{user_id,error,context}'),
             ('audit_keeper', 'checkpoints', 'SELECT', '{tenant_id,epoch,size}'),
             ('audit_keeper', 'legal_holds', 'UPDATE', '{user_id,reason,release_reason}'),
             ('audit_keeper', 'retention', 'UPDATE', '{pruned_at,pass_mode,pass_time,pass_id}'),
             ('audit_keeper', 'seals', 'UPDATE', '{record_id,salt,private_sha256}'),
             ('audit_keeper', 'trees', 'SELECT', '{tenant_id,epoch,size}'),
             ('audit_keyed', 'audit_logs', 'INSERT',
              '{id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,context}'),
             ('audit_trusted', 'audit_logs', 'INSERT',
              '{id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,context}'),
             ('audit_trusted', 'audit_logs', 'SELECT',
              '{id,trace_id,tenant_id,agent_id,mode,status,http_status,latency_ms,user_id,error,created_at,recorded_at,api_key_id,context}'),
             ('audit_trusted', 'trees', 'SELECT', '{tenant_id,epoch,size,root,frontier,began_at}')$$,
    'on columns: those who have a tenant insert all of a record but what the database sets; audit_trusted and audit_keeper read all but '
    'transaction numbers; audit_keeper changes what can be erased, what a leaf was of, and where a prune stands');
-- Whatever kinds of privilege the server knows, MAINTAIN of PostgreSQL 17 among them.
SELECT is_empty(
    $$SELECT c.relname, a.* FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
      WHERE c.relnamespace = 'audit'::regnamespace AND a.grantee <> c.relowner
        AND NOT (a.grantee IN ('audit_trusted'::regrole, 'audit_keeper'::regrole) AND a.privilege_type IN ('SELECT', 'DELETE')
                 AND NOT a.is_grantable)$$,
    'no table carries any other grant, and none that may be passed on');
-- The owner too, as whom functions run. A foreign key locks the row it refers to as the owner: that takes UPDATE of some column.
SELECT results_eq(
    $$SELECT c.relname, array_agg(p.name ORDER BY p.name COLLATE "C")
      FROM pg_class AS c
      CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p (name)
      WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p') AND has_table_privilege('audit_owner', c.oid, p.name)
      GROUP BY c.relname ORDER BY c.relname$$,
    $$VALUES ('admin_events'::name, '{INSERT,SELECT}'::text[]), ('api_key_uses', '{INSERT,SELECT,UPDATE}'),
             ('api_keys', '{INSERT,SELECT,UPDATE}'), ('audit_logs', '{INSERT,SELECT}'), ('checkpoints', '{INSERT,SELECT}'),
             ('idempotency_keys', '{DELETE,INSERT,SELECT,UPDATE}'), ('legal_holds', '{INSERT,SELECT,UPDATE}'),
             ('proof_secrets', '{DELETE,INSERT,SELECT,UPDATE}'), ('pruned_ids', '{INSERT,SELECT}'),
             ('retention', '{INSERT,SELECT,UPDATE}'), ('retention_rules', '{SELECT,UPDATE}'),
             ('seal_nodes', '{INSERT,SELECT}'), ('sealing_turn', '{SELECT,UPDATE}'), ('seals', '{INSERT,SELECT}'),
             ('tenants', '{INSERT,SELECT}'), ('trees', '{INSERT,SELECT}'),
             ('view_links', '{INSERT,SELECT,UPDATE}')$$,
    'the owner changes and deletes what its functions do, empties no table, and changes no record, act, tenant, leaf, checkpoint or pruned id');
SELECT results_eq(
    $$SELECT c.relname, a.attname, x.privilege_type FROM pg_class AS c
      JOIN pg_attribute AS a ON a.attrelid = c.oid CROSS JOIN LATERAL aclexplode(a.attacl) AS x
      WHERE c.relnamespace = 'audit'::regnamespace AND x.grantee = c.relowner ORDER BY c.relname, a.attnum$$,
    $$VALUES ('tenants'::name, 'created_at'::name, 'UPDATE'), ('trees', 'size', 'UPDATE'), ('trees', 'root', 'UPDATE'),
             ('trees', 'frontier', 'UPDATE'), ('trees', 'history_at', 'UPDATE'), ('trees', 'history_id', 'UPDATE'),
             ('trees', 'sealed_xid', 'UPDATE'), ('trees', 'sealed_id', 'UPDATE')$$,
    'but the one column that foreign keys need, and how far a tree has grown');
-- A foreign key, or the right to make one, tells whether a key exists.
SELECT is_empty(
    $$SELECT r.rolname, c.relname FROM pg_roles AS r CROSS JOIN pg_class AS c
      WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r'
        AND has_any_column_privilege(r.oid, c.oid, 'REFERENCES')
        AND NOT (r.rolsuper OR pg_has_role(r.oid, 'audit_owner', 'USAGE'))$$,
    'REFERENCES is granted to nobody');

-- Functions.
SELECT results_eq(
    $$SELECT r.name, array_agg(p.proname ORDER BY p.proname)
      FROM role AS r CROSS JOIN pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND has_function_privilege(r.name, p.oid, 'EXECUTE')
      GROUP BY r.name ORDER BY r.name COLLATE "C"$$,
    $$VALUES
        ('audit_admin', '{begin_epoch,confirm_release,create_tenant,findings_of_objects,findings_of_policies,
                          findings_of_privileges,findings_of_roles,granted_privileges,intended_privileges,isolation_report,
                          issue_api_key,issue_view_link,list_all_admin_events,list_api_keys,list_holds,list_retention,
                          list_tenants,list_view_links,offboarding,place_hold,release_hold,revoke_api_key,revoke_view_link,
                          rotate_api_key,rotate_proof_secret,rule_in_words,schema_version,set_retention,space_used,
                          unintended_settings}'::name[]),
        ('audit_app', '{append_audit_log,append_audit_logs,are_pruned,are_repeated,are_stored,begin_evidence,
                        begin_export,begin_proven_evidence,claim_idempotency_key,context_filter,continue_export,
                        count_audit_logs,count_proven_audit_logs,describe_api_key,enter_tenant,export_audit_logs,
                        export_proven_audit_logs,findings_of_objects,findings_of_policies,findings_of_privileges,
                        findings_of_roles,get_audit_log,get_checkpoint,get_consistency_proof,get_inclusion_proof,
                        get_leaf,get_proven_audit_log,get_proven_checkpoint,get_proven_consistency_proof,
                        get_proven_inclusion_proof,get_proven_leaf,granted_privileges,import_audit_log_batch,
                        import_audit_logs,import_history,insert_audit_log,insert_audit_log_batch,insert_audit_logs,
                        intended_privileges,is_context,isolation_report,list_admin_events,list_audit_logs,
                        list_proven_admin_events,list_proven_audit_logs,listen_to_sealing,open_view_link,
                        outdated_server,page_cursor,parsed_context,proven_tenant,proven_writer,read_feed,
                        read_proven_feed,record_api_key_use,record_export,record_rules,replay_audit_logs,
                        required_tenant,schema_version,seal_records,sealing_horizon,space_used,store_audit_logs,
                        summarize_audit_logs,summarize_proven_audit_logs,tenant_source,unintended_settings,uuid_v7,
                        wal_position}'),
        ('audit_eraser', '{erase_record,erase_user,refresh_statistics,schema_version}'),
        ('audit_keeper', '{append_gone_statements,count_due_records,due_batch,end_keys_of_user,enter_tenant_to_keep,
                           erase_record,erase_records,erase_user,fold_tiles,has_due_records,held_records,is_context,
                           leave_tenant,list_retention,lock_tree_to_keep,note_looked_at,private_leaf_line,proven_tenant,
                           prune_batch,prune_records,prune_tenant,record_keeping_event,record_leaf_line,record_pruned_ids,
                           records_of_user,rest_after}'),
        ('audit_keyed', '{append_audit_log,append_audit_logs,are_pruned,are_repeated,are_stored,begin_evidence,
                          begin_export,begin_proven_evidence,claim_idempotency_key,context_filter,continue_export,
                          count_audit_logs,count_proven_audit_logs,describe_api_key,enter_tenant,export_audit_logs,
                          export_proven_audit_logs,findings_of_objects,findings_of_policies,findings_of_privileges,
                          findings_of_roles,get_audit_log,get_checkpoint,get_consistency_proof,get_inclusion_proof,
                          get_leaf,get_proven_audit_log,get_proven_checkpoint,get_proven_consistency_proof,
                          get_proven_inclusion_proof,get_proven_leaf,granted_privileges,import_audit_log_batch,
                          import_audit_logs,import_history,insert_audit_log,insert_audit_log_batch,insert_audit_logs,
                          intended_privileges,is_context,isolation_report,list_admin_events,list_audit_logs,
                          list_proven_admin_events,list_proven_audit_logs,listen_to_sealing,open_view_link,
                          outdated_server,page_cursor,parsed_context,proven_tenant,proven_writer,read_feed,
                          read_proven_feed,record_api_key_use,record_export,record_rules,replay_audit_logs,
                          required_tenant,schema_version,seal_records,sealing_horizon,space_used,store_audit_logs,
                          summarize_audit_logs,summarize_proven_audit_logs,tenant_source,unintended_settings,uuid_v7,
                          wal_position}'),
        ('audit_retention', '{count_due_records,list_retention,prune_records,schema_version,space_used}'),
        ('audit_sealer', '{schema_version,seal_records,sealing_horizon,sealing_lag}'),
        ('audit_signer', '{list_tree_heads,schema_version,signer_consistency_proof,signer_epoch_statement,store_checkpoint}'),
        ('audit_trusted', '{admin_events_cursor,admin_events_keyset_page,admin_events_page,append_audit_log,
                            append_audit_logs,are_pruned,are_repeated,begin_evidence,begin_export,block_hashes,
                            claim_idempotency_key,cloud_event,consistency_path,context_filter,continue_export,
                            count_audit_logs,count_hours,describe_administration,describe_evidence,evidence_header,
                            evidence_leaves,evidence_page,evidence_part,evidence_window,export_audit_logs,feed_page,
                            feed_position,filtered_page,findings_of_objects,findings_of_policies,
                            findings_of_privileges,findings_of_roles,get_audit_log,get_checkpoint,
                            get_consistency_proof,get_inclusion_proof,get_leaf,granted_privileges,inclusion_path,
                            insert_audit_log,insert_audit_log_batch,insert_audit_logs,intended_privileges,is_context,
                            isolation_report,keyset_page,leaf_of_record,leaves_in_window,list_admin_events,
                            list_audit_logs,listen_to_sealing,next_gone_statement,ocsf_event,omitted_lines,
                            outdated_server,page_cursor,parent_hashes,parsed_context,private_leaf_line,read_feed,
                            record_export,record_leaf_line,record_rules,replay_audit_logs,required_tenant,
                            required_tree,root_of_size,schema_version,seal_records,sealing_horizon,set_tenant,
                            space_used,store_audit_logs,subtree_hash,subtree_path,summarize_audit_logs,tenant_source,
                            tree_edge,tree_root,unintended_settings,uuid_v7,wal_position,within_restriction}')$$,
    'functions of audit: administrators administer, audit_trusted names, audit_keyed proves, audit_sealer seals, audit_signer signs, '
    'audit_retention prunes, audit_eraser erases, PUBLIC and the migrator call none');
-- A role that could call these could make a proof of its own, or write an act that nobody did.
SELECT is_empty(
    $$SELECT r.rolname, p.proname FROM pg_roles AS r CROSS JOIN pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND p.proname IN ('transaction_identity', 'tenant_proof', 'writing_tenant',
          'record_admin_event', 'record_api_key_event', 'record_view_link_event', 'proven_api_key', 'required_proven_tenant',
          'required_proven_part', 'proven_restricted_tenant', 'proven_restriction', 'store_api_key', 'canonical_restriction', 'is_restriction',
          'set_proven_tenant', 'enter_tenant_to_sign', 'enter_tree_to_sign', 'set_retention_rules',
          'append_statement', 'gone_leaf_line')
        AND has_function_privilege(r.oid, p.oid, 'EXECUTE') AND NOT (r.rolsuper OR pg_has_role(r.oid, 'audit_owner', 'USAGE'))$$,
    'functions of audit: the proof, what it is bound to, the record of an act and the floor of terms are for the owner and its own functions');
-- With one of these a role could prune what is not due, or put a statement of its own into a tree.
SELECT is_empty(
    $$SELECT r.rolname, p.proname FROM pg_roles AS r CROSS JOIN pg_proc AS p
      WHERE p.pronamespace = 'audit'::regnamespace AND p.proname IN ('enter_tenant_to_keep', 'leave_tenant', 'lock_tree_to_keep',
          'append_gone_statements', 'record_pruned_ids', 'record_keeping_event', 'note_looked_at', 'held_records', 'due_batch',
          'fold_tiles', 'prune_batch', 'prune_tenant', 'has_due_records', 'erase_records', 'records_of_user', 'rest_after')
        AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
        AND NOT (r.rolsuper OR pg_has_role(r.oid, 'audit_owner', 'USAGE') OR r.rolname = 'audit_keeper')$$,
    'functions of audit: the parts of a prune and an erasure are for the owner and audit_keeper');
SELECT is_empty(
    $$SELECT r.name, p.proname FROM role AS r CROSS JOIN pg_proc AS p
      WHERE p.pronamespace = 'pgmigrate'::regnamespace AND has_function_privilege(r.name, p.oid, 'EXECUTE')$$,
    'functions of pgmigrate: nobody but the owner calls them');
SELECT is_empty(
    $$SELECT r.name, c.relname FROM role AS r CROSS JOIN pg_class AS c
      WHERE c.relnamespace = 'pgmigrate'::regnamespace AND c.relkind = 'r'
        AND has_table_privilege(r.name, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')$$,
    'tables of pgmigrate: nobody but the owner touches them');

-- Schemas and the database.
SELECT results_eq(
    $$SELECT r.name, n.nspname, p.name
      FROM role AS r
      CROSS JOIN pg_namespace AS n
      CROSS JOIN (VALUES ('USAGE'), ('CREATE')) AS p (name)
      WHERE n.nspname IN ('audit', 'pgmigrate') AND has_schema_privilege(r.name, n.oid, p.name)
      ORDER BY r.name COLLATE "C", p.name COLLATE "C"$$,
    $$VALUES ('audit_admin', 'audit'::name, 'USAGE'), ('audit_app', 'audit', 'USAGE'), ('audit_eraser', 'audit', 'USAGE'),
             ('audit_keeper', 'audit', 'CREATE'), ('audit_keeper', 'audit', 'USAGE'), ('audit_keyed', 'audit', 'USAGE'), ('audit_retention', 'audit', 'USAGE'),
             ('audit_sealer', 'audit', 'USAGE'), ('audit_signer', 'audit', 'USAGE'), ('audit_trusted', 'audit', 'USAGE')$$,
    'schemas: the run-time roles enter audit, create nothing, and do not enter pgmigrate; audit_keeper owns functions in it');
SELECT is_empty(
    $$SELECT r.name, p.name FROM role AS r CROSS JOIN (VALUES ('CREATE'), ('TEMPORARY')) AS p (name)
      WHERE has_database_privilege(r.name, current_database(), p.name)$$,
    'database: nobody creates schemas or temporary tables');
SELECT is_empty(
    $$SELECT r.name, n.nspname FROM role AS r CROSS JOIN pg_namespace AS n
      WHERE n.nspname NOT LIKE 'pg\_temp\_%' AND n.nspname NOT LIKE 'pg\_toast\_temp\_%' AND (r.name, n.nspname) <> ('audit_keeper', 'audit')
        AND has_schema_privilege(r.name, n.oid, 'CREATE')$$,
    'no schema of the database, public included, takes new objects from the run-time roles');

-- The page that a reviewer reads says what is granted: not less, and not more.
SELECT bag_eq('SELECT * FROM audit.granted_privileges()', 'SELECT * FROM audit.intended_privileges()',
    'audit.intended_privileges() lists exactly what is granted');

-- What the owner creates tomorrow is closed to PUBLIC. (The default gives EXECUTE to PUBLIC, and revoking that for one
-- schema has no effect.)
SET LOCAL ROLE audit_owner;
CREATE FUNCTION audit.new_function() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION pgmigrate.new_function() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE audit.new_table (id int);
CREATE TYPE audit.new_type AS ENUM ('a');
SELECT ok(has_function_privilege('audit.new_function()', 'EXECUTE'), 'the owner may call its new function');
RESET ROLE;
SELECT ok(NOT has_function_privilege('public', 'audit.new_function()', 'EXECUTE'), 'PUBLIC may not');
SELECT ok(NOT has_function_privilege('public', 'pgmigrate.new_function()', 'EXECUTE'), 'nor one of pgmigrate');
SELECT ok(NOT has_type_privilege('public', 'audit.new_type', 'USAGE'), 'nor use a new type');
SELECT is_empty(
    $$SELECT r.name FROM role AS r
      WHERE has_table_privilege(r.name, 'audit.new_table', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')$$,
    'a new table, its TRUNCATE included, is open to nobody');

-- Acting as the service: it can wait for nobody's lock that would stop the others.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT throws_ok('LOCK TABLE audit.audit_logs IN SHARE MODE', '42501', 'permission denied for table audit_logs',
    'the service cannot hold up those who write');
SELECT throws_ok('LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE', '42501', 'permission denied for table audit_logs',
    'the service cannot lock other writers out');
SELECT throws_ok('CREATE TABLE audit.mine (id int)', '42501', 'permission denied for schema audit',
    'the service cannot create a table');
SELECT throws_ok($$CREATE FUNCTION audit.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'$$, '42501',
    'permission denied for schema audit', 'the service cannot create a function');

SELECT * FROM finish();
ROLLBACK;
