-- On a worker: one of the coordinator's secrets.
INSERT INTO audit.proof_secrets (id, inner_key, outer_key, created_at, replaced_at)
VALUES (%(id)s, %(inner_key)s, %(outer_key)s, %(created_at)s, %(replaced_at)s);
