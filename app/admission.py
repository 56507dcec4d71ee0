"""As many bytes of bodies at once as a worker has room for."""

from app.errors import StorageUnavailable

MOST_BODY_BYTES = 33_554_432
"""Of all requests that are being answered by one worker; lines of a bulk request lie on the disk, and do not count."""


class Bodies:
    """Counts the bytes of bodies that are held."""

    def __init__(self, most_bytes: int = MOST_BODY_BYTES) -> None:
        self._free = most_bytes

    def hold(self, size: int) -> None:
        """Raise StorageUnavailable when there is no room for so many more."""
        if size > self._free:
            raise StorageUnavailable("too many large bodies at once")
        self._free -= size

    def release(self, size: int) -> None:
        """Let go of what was held."""
        self._free += size
