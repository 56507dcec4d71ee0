"""What the service does, apart from HTTP: the database, the audit trail, the agents."""
