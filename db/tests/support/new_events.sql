-- pg_temp.new_events(): the administrative events recorded since it was last asked, oldest first. As the superuser: no
-- administrator and no tenant reads all of them.

CREATE TEMPORARY TABLE known_events AS SELECT id FROM audit.admin_events;
CREATE FUNCTION pg_temp.new_events() RETURNS SETOF audit.admin_events LANGUAGE sql SECURITY DEFINER AS $$
    WITH news AS (INSERT INTO known_events SELECT id FROM audit.admin_events EXCEPT SELECT id FROM known_events RETURNING id)
    SELECT e.* FROM audit.admin_events AS e JOIN news USING (id) WHERE e.created_at = now() ORDER BY e.id
$$;
