"""The signer on a database whose owner lists what is not so: it signs one head of each tree, under its own name."""

import json
from pathlib import Path

import psycopg
import pytest

from tests.support.signing import Sealed, SignerAt


def listing(sealed: Sealed, *rows: str) -> None:
    """Let the database list these too, and keep every note, whatever it says."""
    sealed.database.execute(
        "CREATE TABLE public.loot (note text); GRANT INSERT ON public.loot TO audit_owner;"
        "GRANT USAGE ON SCHEMA public TO audit_owner"
    )
    sealed.database.execute(
        "CREATE OR REPLACE FUNCTION audit.list_tree_heads()"
        " RETURNS TABLE (tenant_id text, epoch int, size bigint, root bytea, checkpoint_size bigint)"
        f" LANGUAGE sql SECURITY DEFINER AS $$ VALUES {', '.join(rows)} $$"
    )
    sealed.database.execute(
        "CREATE OR REPLACE FUNCTION audit.store_checkpoint(p_tenant_id text, p_epoch int, p_size bigint, p_root bytea,"
        " p_note text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ INSERT INTO public.loot VALUES (p_note) $$"
    )


def signed(sealed: Sealed) -> list[str]:
    """Return the first two lines of each note that was signed."""
    notes = [note for (note,) in sealed.database.execute("SELECT note FROM public.loot")]
    return sorted(" ".join(note.split("\n")[:2]) for note in notes)


def test_a_tree_that_is_listed_twice_is_refused_and_the_others_are_signed(sealed: Sealed, signer: SignerAt) -> None:
    listing(
        sealed,
        "('newt', 1, 5::bigint, sha256('A'), NULL::bigint)", "('newt', 1, 6, sha256('B'), NULL)",
        "('olm', 1, 3, sha256('C'), NULL)",
    )  # fmt: skip
    assert signer.once() == 1
    assert signed(sealed) == ["ringfence.example/olm 3"]
    assert "two heads of this tree at once" in signer.refusal("newt")


@pytest.mark.parametrize("tenant", ["acme/4", "../../escaped", "acme\n6\nroot", ""])
def test_a_name_that_is_no_tenants_id_is_not_signed_and_the_others_are(
    sealed: Sealed, signer: SignerAt, tmp_path: Path, tenant: str
) -> None:
    signer.more["publish_directory"] = tmp_path / "outside" / "inner"
    listing(sealed, f"('{tenant}', 1, 9::bigint, sha256('A'), NULL::bigint)", "('olm', 1, 3, sha256('C'), NULL)")

    assert signer.once() == 1
    assert signed(sealed) == ["ringfence.example/olm 3"]
    written = [file.relative_to(tmp_path / "outside") for file in (tmp_path / "outside").rglob("*") if file.is_file()]
    assert written == [Path("inner/ringfence.example/olm/3")]
    assert {each["tenant_id"] for each in json.loads(signer.command("known").stdout)} == {"olm"}


def test_heads_are_on_the_disk_before_they_are_signed_and_nothing_is_written_when_there_are_none(
    sealed: Sealed, signer: SignerAt
) -> None:
    def listed() -> tuple[bool, str]:
        """List the heads where commits do not wait; return whether that has written, and how it will be committed."""
        with psycopg.connect(signer.url) as connection:
            connection.execute("SET synchronous_commit = off")
            connection.execute("SELECT audit.list_tree_heads()").fetchall()
            row = connection.execute(
                "SELECT pg_current_xact_id_if_assigned() IS NOT NULL, current_setting('synchronous_commit')"
            ).fetchone()
        assert row is not None
        return row

    assert listed() == (True, "on")
    assert signer.once() == 0
    assert sealed.signed_size() == 7
    assert listed() == (False, "off")
