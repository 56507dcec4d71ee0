"""Bytes in, bytes out: shapes, strict reading, problems, middleware, the server's protocol. Never imports services."""
