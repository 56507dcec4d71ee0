-- A checkpoint of each tenant's tree but `tree`, which nobody signed.

INSERT INTO audit.checkpoints (tenant_id, epoch, size, root, note, created_at)
SELECT t.tenant_id, t.epoch, t.size, t.root, 'note', now() FROM audit.trees AS t WHERE t.tenant_id <> 'tree';
