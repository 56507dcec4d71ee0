"""Ringfence: a multi-tenant audit trail for AI-agent executions, kept by PostgreSQL under row-level security."""

__version__ = "0.2.0"
