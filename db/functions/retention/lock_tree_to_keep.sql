-- Locks the newest tree of a tenant, which sealing, pruning, erasing and placing a hold all do: so one of them waits for the other, and no
-- statement lands in a tree that is closed.

CREATE OR REPLACE FUNCTION audit.lock_tree_to_keep(p_tenant_id text, p_wait boolean)
RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_epoch int;
BEGIN
    LOOP
        v_epoch := (SELECT max(t.epoch) FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id);
        IF p_wait THEN
            PERFORM FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = v_epoch FOR UPDATE;
        ELSE
            PERFORM FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch = v_epoch FOR UPDATE SKIP LOCKED;
        END IF;
        IF NOT FOUND THEN
            IF p_wait THEN
                -- Nothing is sealed yet. A tree that another began meanwhile could be pruned past a hold that is being placed, or be locked by a
                -- prune while an erasure is at the same records.
                PERFORM audit.begin_tree(p_tenant_id);
                CONTINUE;
            END IF;
            RETURN NULL;
        END IF;
        -- A proof lasts five seconds, and a prune that was waited for may take ten.
        PERFORM audit.enter_tenant_to_keep(p_tenant_id);
        -- Unless the epoch has ended since it was read: then the next one's tree is to be locked.
        EXIT WHEN NOT EXISTS (SELECT FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id AND t.epoch > v_epoch);
    END LOOP;
    IF NOT p_wait THEN
        -- Before any record goes: a tree that cannot take the statement must not cost the others their time. A hold is placed all the same.
        PERFORM audit.intact_size(p_tenant_id, v_epoch);
    END IF;
    RETURN v_epoch;
END
$$;

COMMENT ON FUNCTION audit.lock_tree_to_keep IS
    'Locks the newest tree of the tenant that is proven with the scopes keep and seal, and returns its epoch; it proves the tenant anew. With p_wait '
    'it waits for another transaction that has it locked, and begins the first tree where nothing is sealed yet; with false it returns NULL in both '
    'cases, and raises RF009 when the tree contradicts itself. Nobody but audit_owner and audit_keeper may call it. SECURITY DEFINER: audit_keeper '
    'cannot change a tree, and a lock takes that privilege.';
REVOKE ALL ON FUNCTION audit.lock_tree_to_keep FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.lock_tree_to_keep TO audit_keeper;
