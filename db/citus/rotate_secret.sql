-- A new secret, in a transaction that gives it to every node before it ends: audit.rotate_proof_secret() asks for this setting on a cluster.
SET LOCAL ringfence.on_every_node = 'on';
SELECT audit.rotate_proof_secret();
