-- The secrets of the proofs, to give to the other nodes: a proof is checked where the shard is. As bind parameters, never in a statement's text.
SELECT s.id, s.inner_key, s.outer_key, s.created_at, s.replaced_at FROM audit.proof_secrets AS s ORDER BY s.id;
