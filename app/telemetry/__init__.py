"""Instruments: metrics and logs. They ask nobody."""
