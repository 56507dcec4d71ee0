"""Instruments: metrics and logs. They call no service and no database."""
