"""The vectors whose files or notes are not in the format: what a lenient reader would let pass, each refused by name."""

import re

from tests.vectors.building import KEY, Leaf, Tree, bundle, gone, line, origin, proof, record, root
from tests.vectors.changes import bad, changed, put, unjudged
from tests.vectors.good import EIGHT, ERASED, ONE, TWO, leaf_file
from tests.vectors.vectors import OURS, Vector

WHOLE = bundle(ONE)
LINES = WHOLE.splitlines(keepends=True)
NOTE = ONE.checkpoint()
TEXT = NOTE[: NOTE.index("\n\n") + 1]
NOT_GO = (
    "ringfence",
    "page",
    "aics",
)  # Go's encoding/base64 passes over bits that do not count, and its notes over repeated lines
NOT_AICS = ("ringfence", "page", "go")  # aics-tlog does not ask for the last line end


def with_line(text: str) -> str:
    """Return a bundle whose first leaf is this line, sealed as it stands."""
    return bundle(Tree([Leaf(text, EIGHT[0].private), *EIGHT[1:]]))


def with_note(note: str) -> str:
    """Return the bundle of eight with this checkpoint."""
    return bundle(Tree(EIGHT, note=note))


def signed(text: str) -> str:
    """Return the bundle of eight with this text of a checkpoint, signed."""
    return with_note(f"{text}\n{KEY.sign(text, origin('acme', 1))}")


FIRST = EIGHT[0].text
_ENCODED = NOTE.rstrip("\n").rpartition(" ")[2]
_ROOT = NOTE.split("\n")[2]


def loose(encoded: str) -> str:
    """Return another spelling of the same bytes: a bit set that does not count."""
    assert encoded.endswith("=") and not encoded.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return encoded[:-2] + alphabet[alphabet.index(encoded[-2]) + 1] + "="


PRUNE = gone("prune", [(0, 4)]).text


def pruned(old: str, new: str) -> Tree:
    """Return the bundle of eight with a statement of prune in which something else stands."""
    return Tree([*EIGHT, Leaf(changed(PRUNE, old, new))])


UNALIGNED = bundle(Tree([*EIGHT, gone("prune", [(1, 3)])], hidden=[(1, 3)]))
ONE_BY_ONE = "\n".join(text for text in UNALIGNED.splitlines() if text.startswith('{"omitted"'))

FILES = [
    bad("cut-tail", "file", "".join(LINES[:-4]), "the last lines are missing"),
    bad("cut-last-line", "file", "".join(LINES[:-1])),
    bad("no-line-end", "file", WHOLE[:-1]),
    bad("trailing-line", "file", WHOLE + LINES[1]),
    bad("trailing-empty-line", "file", WHOLE + "\n"),
    bad("crlf", "file", WHOLE.replace("\n", "\r\n")),
    bad("byte-order-mark", "file", "\ufeff" + WHOLE),
    bad("not-utf-8", "file", changed(WHOLE, "credit-scoring", "credit-sc\udcf6ring").encode(errors="surrogateescape")),
    bad("empty-line", "file", changed(WHOLE, LINES[1], LINES[1] + "\n")),
    bad("size-of-the-epoch", "file", changed(WHOLE, '"size":8', '"size":9')),
    bad("size-too-small", "file", changed(WHOLE, '"size":8', '"size":7')),
    bad("count-of-records", "file", changed(WHOLE, '"records":8', '"records":7')),
    bad("epoch-not-in-the-header", "file", changed(bundle(*TWO), '"epochs":[1,2]', '"epochs":[1]')),
    bad("omitted-not-aligned", "file", changed(UNALIGNED, ONE_BY_ONE, line({"omitted": 2, "hash": root([EIGHT[1].hash, EIGHT[2].hash]).hex()}))),
    bad("omitted-not-a-power-of-two", "file", changed(bundle(Tree([*EIGHT, gone("prune", [(0, 3)])], hidden=[(0, 2)])), '"omitted":2', '"omitted":3'),
        "the hash is that of two leaves, and the third is shown"),
    bad("omitted-none", "file", changed(bundle(Tree([*EIGHT, gone("prune", [(0, 4)])], hidden=[(0, 4)])), '"omitted":4', '"omitted":0')),
    bad("omitted-behind-the-tree", "file", changed(bundle(Tree([*EIGHT, gone("prune", [(0, 8)])], hidden=[(0, 8)])), '"omitted":8', '"omitted":16')),
    bad("private-line-of-a-statement", "file", Tree([*ERASED[:8], Leaf(ERASED[8].text, EIGHT[0].private)])),
    bad("private-line-twice", "file", changed(WHOLE, LINES[3], LINES[3] + LINES[3])),
    bad("ranges-not-in-order", "file", Tree([*ERASED[:8], gone("erase", [(5, 6), (2, 3)])])),
    bad("range-empty", "file", Tree([*ERASED[:8], gone("erase", [(5, 6), (7, 7)])])),
    bad("prune-without-its-term", "file", Tree([*EIGHT, Leaf(re.sub('"mode".*,"at"', '"at"', PRUNE))]), "a statement that says which leaves, and no rule"),
    bad("prune-without-its-mode", "file", pruned('"mode":"LIVE",', "")),
    bad("prune-of-another-mode", "file", pruned('"LIVE"', '"live"')),
    bad("prune-without-its-last-time", "file", Tree([*EIGHT, Leaf(re.sub('"last_created_at".*,"at"', '"at"', PRUNE))])),
    bad("prune-by-a-term-of-no-days", "file", pruned('"keep_days":365', '"keep_days":0')),
    bad("prune-by-a-term-for-ever", "file", pruned('"keep_days":365', '"keep_days":null')),
    bad("prune-by-a-term-in-quotes", "file", pruned('"keep_days":365', '"keep_days":"365"')),
    bad("erasure-with-a-term", "file", pruned('"prune"', '"erase"'), "an erasure follows none"),
    bad("name-twice", "file", with_line(changed(FIRST, '"status":', '"status":"error","status":'))),
    bad("not-a-number", "file", with_line(changed(FIRST, '"latency_ms":40', '"latency_ms":NaN'))),
    bad("number-with-a-point", "file", with_line(changed(FIRST, '"http_status":200', '"http_status":200.0'))),
    bad("number-negative", "file", with_line(changed(FIRST, '"latency_ms":40', '"latency_ms":-40'))),
    bad("fields-in-another-order", "file", with_line(changed(changed(FIRST, '"mode":"LIVE",', ""), '"http_status"', '"mode":"LIVE","http_status"'))),
    bad("field-missing", "file", with_line(changed(FIRST, '"mode":"LIVE",', ""))),
    bad("field-unknown", "file", with_line(changed(FIRST, '"mode":', '"recorded_xid":"7","mode":'))),
    bad("kind-unknown", "file", with_line(changed(FIRST, '"kind":"record"', '"kind":"note"'))),
    bad("spaces", "file", with_line(changed(FIRST, ',"kind"', ', "kind"'))),
    bad("escape-of-a-letter", "file", with_line(changed(FIRST, '"credit', '"\\u0063redit')), "c as \\u0063: another spelling"),
    bad("escape-of-a-slash", "file", with_line(changed(FIRST, "credit-", "credit\\/"))),
    bad("id-in-capitals", "file", Tree(put(EIGHT, 0, record(0, id="01A204DE-066A-7609-8DE6-97E408BF49D8")))),
    bad("private-line-with-a-space", "file", Tree([Leaf(EIGHT[0].text, (EIGHT[0].private or "").replace(":", ": ", 1))])),
    bad("header-with-a-name-twice", "file", changed(WHOLE, '"tenant_id"', '"tenant_id":"globex","tenant_id"')),
    bad("tenant-with-a-slash", "file", bundle(ONE, tenant="acme/2")),
]  # fmt: skip

NOTES = [
    bad("base64-loose-bits", "signature", with_note(changed(NOTE, _ENCODED, loose(_ENCODED))), judges=NOT_GO),
    bad("base64-no-padding", "signature", with_note(changed(NOTE, _ENCODED, _ENCODED.rstrip("=")))),
    bad("base64-of-the-root-loose", "signature", signed(changed(TEXT, _ROOT, loose(_ROOT))), "signed as it stands", judges=NOT_GO),
    bad("note-crlf", "signature", with_note(NOTE.replace("\n", "\r\n"))),
    bad("note-without-its-last-line-end", "signature", with_note(NOTE[:-1]), judges=NOT_AICS),
    bad("note-without-signatures", "signature", with_note(NOTE[: NOTE.index("\n\n") + 1])),
    bad("note-with-a-hyphen", "signature", with_note(changed(NOTE, "— ", "- "))),
    bad("note-signed-twice", "signature", with_note(NOTE + NOTE.split("\n\n")[1]), judges=NOT_GO,
        about="one line twice; Go passes over the second"),
    bad("note-size-with-a-zero", "signature", signed(changed(TEXT, "\n8\n", "\n08\n")), "signed as it stands"),
    bad("note-with-a-fourth-line", "signature", signed(TEXT + "more\n"), "format 1 has no extension lines", judges=OURS),
    bad("since-base64-loose-bits", "since", ONE, since=(changed(NOTE, _ENCODED, loose(_ENCODED)),), judges=NOT_GO),
    bad("proof-base64-loose-bits", "file", (lambda p: changed(p, p.split("\n")[2], loose(p.split("\n")[2])))(proof(ONE, 0)),
        leaf=leaf_file(EIGHT[0])),
    bad("proof-leaf-without-line-end", "file", proof(ONE, 0), leaf=leaf_file(EIGHT[0])[:-1]),
    bad("proof-leaf-with-a-third-line", "file", proof(ONE, 0), leaf=leaf_file(EIGHT[0]) + "{}\n"),
]  # fmt: skip

UNKNOWN = [
    unjudged("another-format", changed(WHOLE, '"evidence":1', '"evidence":2')),
    unjudged("not-a-bundle", "id,trace_id,tenant_id\n"),
    unjudged("empty-file", ""),
    unjudged("leaf-of-version-2", with_line(changed(FIRST, '"version":1', '"version":2'))),
    unjudged("proof-of-version-2", changed(proof(ONE, 0), "@v1", "@v2"), leaf=leaf_file(EIGHT[0])),
]

FORMS: list[Vector] = [*FILES, *NOTES, *UNKNOWN]
