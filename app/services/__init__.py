"""What the service does, in words of its own. Knows no HTTP."""
