-- Records that waited on the service's disk while the database was away keep the time they were made. That the service chose
-- that time is an act to be told of: it takes a place among the administrative ones.

-- The rule only grows, so no row can break it, and the table is small: one row an act, nothing that the service waits for.
-- squawk-ignore ban-drop-constraint
ALTER TABLE audit.admin_events DROP CONSTRAINT admin_events_act_known;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE audit.admin_events ADD CONSTRAINT admin_events_act_known CHECK (act IN (
    'tenant created', 'api key issued', 'api key rotated', 'api key revoked', 'proof secret rotated', 'records exported',
    'records replayed'));
COMMENT ON CONSTRAINT admin_events_act_known ON audit.admin_events IS 'One of the acts that have a function.';

COMMENT ON TABLE audit.admin_events IS
    'Every administrative act, every export, and every replay of records that waited on the service''s disk; append-only: '
    'written by the function that acts, in its transaction, and read by the tenant that it concerns.';
COMMENT ON COLUMN audit.admin_events.api_key_id IS
    'To which key, where it was a key; with which, where records were exported or replayed.';
