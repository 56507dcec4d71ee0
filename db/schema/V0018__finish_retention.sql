-- The statement of a prune says by which term records went, an erasure has the reference of its request, and whoever erases is another than whoever
-- prunes.

GRANT USAGE ON SCHEMA audit TO audit_eraser;

-- Their parameters change, and a new function beside the old one would make calls by name ambiguous. audit_keeper's own lie in a schema of the
-- owner, who may drop them.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.append_gone_statements(text, text, int[], bigint[]);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.gone_leaf_line(text, text, int, bigint[], timestamptz);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.due_batch(text, text, timestamptz, timestamptz, uuid, int);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.prune_batch(text, text, timestamptz, int);

-- audit.leave_tenant() does what each of them did.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.leave_tenant_to_keep();
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.leave_tenant_to_sign();

-- Not for the job that prunes any more: made anew, they lose who may call them.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.erase_user(text, text, int, timestamptz, uuid);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.erase_record(text, uuid);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.refresh_statistics();
