"""The signer's calls of the database, as a member of audit_signer. The one file of the signer that spells SQL."""

import asyncio
from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from app import database_url
from app.sign.heads import Head, HeadRefused

_HEADS: LiteralString = "SELECT tenant_id, epoch, size, root, checkpoint_size FROM audit.list_tree_heads()"
_CONSISTENCY: LiteralString = (
    "SELECT audit.signer_consistency_proof(p_tenant_id => %(tenant)s, p_epoch => %(epoch)s, p_from => %(from)s,"
    " p_to => %(to)s)"
)
_STATEMENT: LiteralString = (
    "SELECT line FROM audit.signer_epoch_statement(p_tenant_id => %(tenant)s, p_epoch => %(epoch)s)"
)
_STORE: LiteralString = (
    "SELECT audit.store_checkpoint(p_tenant_id => %(tenant)s, p_epoch => %(epoch)s, p_size => %(size)s,"
    " p_root => %(root)s, p_note => %(note)s)"
)
_CONTRADICTION = "RF009"
"""SQLSTATE: the tree contradicts itself, or does not have this root."""
_CONNECT_SECONDS = 5
_CALL_SECONDS = 60.0


class Unavailable(Exception):
    """The database cannot be reached, or the connection was lost. What was under way may or may not be done."""


class CallFailed(Exception):
    """The database refused a call, and not because of the tree. The message is the server's first line."""


class Database:
    """One connection, opened when it is needed."""

    def __init__(self, url: str) -> None:
        self._url = make_conninfo(url, connect_timeout=_CONNECT_SECONDS, application_name="ringfence signer")
        self._connection: AsyncConnection[Any] | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._connection:
            await self._connection.close()
            self._connection = None

    async def heads(self) -> list[tuple[object, ...]]:
        """Return the head of each tenant's newest tree, and of closed trees whose last head is unsigned, as rows.

        heads.read_head() makes heads of them: who owns the database can replace the function, and list anything.
        """
        return await self._rows(_HEADS, {})

    async def consistency_proof(self, head: Head, from_size: int) -> list[bytes]:
        """Return the proof that the tree of `from_size` leaves is the beginning of the head's."""
        parameters = {"tenant": head.tenant_id, "epoch": head.epoch, "from": from_size, "to": head.size}
        ((hashes,),) = await self._rows(_CONSISTENCY, parameters)
        return list(hashes)

    async def epoch_statement(self, head: Head) -> tuple[str, list[bytes]]:
        """Return leaf 0 of an epoch after the first, and the proof that the tree of it alone is the head's beginning.

        The function's own proof is about the tree's current head, which sealing may have moved on since.
        """
        rows = await self._rows(_STATEMENT, {"tenant": head.tenant_id, "epoch": head.epoch})
        if len(rows) != 1:
            raise HeadRefused(f"epoch {head.epoch} begins without a statement")
        ((line,),) = rows
        return line, await self.consistency_proof(head, 1)

    async def store_checkpoint(self, head: Head, note: str) -> None:
        """Store a signed head. It is on the server's disk when this returns."""
        parameters = {"tenant": head.tenant_id, "epoch": head.epoch, "size": head.size, "root": head.root, "note": note}
        await self._rows(_STORE, parameters)

    async def _rows(self, statement: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                if self._connection is None or self._connection.closed:
                    self._connection = await AsyncConnection.connect(self._url, autocommit=True)
                return await (await self._connection.execute(statement, parameters)).fetchall()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            await self.close()
            raise Unavailable(database_url.first_line(error)) from None
        except TimeoutError:
            await self.close()
            raise Unavailable(f"no answer within {_CALL_SECONDS:g} seconds") from None
        except psycopg.Error as error:
            if error.sqlstate == _CONTRADICTION:
                raise HeadRefused(f"the database says: {database_url.first_line(error)}") from None
            raise CallFailed(database_url.first_line(error)) from None
