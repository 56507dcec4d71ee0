"""Floods a running service with what strangers and single tenants can send, and measures what others notice."""
