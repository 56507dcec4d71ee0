-- Records that come again are compared with the stored ones in one query, where each took a query and a savepoint: the functions for one
-- record go. Only functions of this schema have called them. A new database has none of them yet.

-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.is_repeated(audit.new_audit_log, text);
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS audit.is_stored(uuid, text, text, text, text, int, int, text, text);
