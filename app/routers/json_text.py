"""The response for JSON text that a store has made."""

from fastapi import Response


class JsonText(Response):
    """JSON text from the store, passed through unchanged."""

    media_type = "application/json"
