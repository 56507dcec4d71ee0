-- What binds a proof to its transaction, where a transaction has a part on another node: a shard is another backend of another server, whose
-- clock, process and start differ. Every part of a distributed transaction knows the number that its coordinator gave it.

CREATE OR REPLACE FUNCTION audit.transaction_identity()
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_transaction record;
BEGIN
    SELECT t.* INTO v_transaction FROM get_current_transaction_id() AS t;
    IF v_transaction.transaction_number = 0 THEN
        -- No number yet: an intermediate result of one row asks for one, and for nothing else. It is a file of this backend, which goes
        -- with the transaction.
        PERFORM create_intermediate_result('ringfence', 'SELECT 1');
        SELECT t.* INTO v_transaction FROM get_current_transaction_id() AS t;
    END IF;
    -- Numbers begin anew when a server does: the time, which is the coordinator's on every node, tells two of them apart.
    RETURN concat('citus:', v_transaction.initiator_node_identifier, ':', v_transaction.transaction_number, ':',
                  extract(epoch FROM v_transaction.transaction_stamp));
END
$$;

COMMENT ON FUNCTION audit.transaction_identity IS
    'The node that began the distributed transaction, its number there, and when it got it, to the microsecond: the same on every node. '
    'PARALLEL RESTRICTED: a parallel worker has none.';
REVOKE ALL ON FUNCTION audit.transaction_identity FROM PUBLIC;
