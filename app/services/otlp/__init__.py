"""Spans of OpenTelemetry become records. Knows protobuf and JSON of OTLP, and no HTTP."""
