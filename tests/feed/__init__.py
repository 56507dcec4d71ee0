"""The feed: what it gives, in which form, and who reads it."""
