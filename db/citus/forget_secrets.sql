-- On a worker, before it gets the coordinator's: its own, and those that the coordinator has no more.
DELETE FROM audit.proof_secrets;
