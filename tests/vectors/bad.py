"""The vectors that no judge may accept, since what they show was forged, cut or left out. Each has one fault."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.vectors.bad_forms import FORMS
from tests.vectors.building import (
    KEY,
    LOG,
    STRANGER,
    Leaf,
    Signer,
    Tree,
    began,
    bundle,
    checkpoint_text,
    gone,
    origin,
    proof,
    record,
    records,
    time,
)  # fmt: skip
from tests.vectors.changes import bad, changed, put, unjudged
from tests.vectors.good import (
    EIGHT,
    ELEVEN,
    ERASED,
    MIDDLE,
    MIDDLE_WINDOW,
    NFC,
    NFD,
    ONE,
    PRUNED,
    SECOND,
    TILE,
    TWO,
    WINDOW,
    WITNESS_KEYS,
    WITNESSED,
    WITNESSES,
    asked,
    leaf_file,
)  # fmt: skip
from tests.vectors.vectors import ACME, ALLOW_GONE, OURS, Vector

NOTE = ONE.checkpoint()
FORK = put(EIGHT, 5, record(100))
PRUNE = gone("prune", [(0, 4)])
NO_TIME = gone("prune", [(0, 4)], last_created_at="2025-07-01")


def hiding_four(**fields: Any) -> Tree:
    """Return the eight leaves with the first four pruned, by a statement with these fields."""
    return Tree([*EIGHT, gone("prune", [(0, 4)], **fields)], hidden=[(0, 4)])


def forged(leaves: Sequence[Leaf]) -> Tree:
    """Return these leaves with the checkpoint of the eight true ones."""
    return Tree(leaves, note=NOTE)


def other(index: int, old: str, new: str) -> Sequence[Leaf]:
    """Return the eight leaves with something else in one of them."""
    return put(EIGHT, index, Leaf(changed(EIGHT[index].text, old, new), EIGHT[index].private))


def signed_as(name: str, leaves: Sequence[Leaf] = EIGHT, signer: Signer = KEY, text: str = "") -> str:
    """Return a checkpoint whose origin and key name is this one."""
    text = text or checkpoint_text(name, [leaf.hash for leaf in leaves])
    return f"{text}\n{signer.sign(text, name)}"


SINCE = [
    bad(
        "fork",
        "since",
        Tree(FORK),
        "another record 5 than the old checkpoint has, signed with the true key",
        since=(NOTE,),
    ),
    bad("fork-of-a-prefix", "since", Tree([*FORK, record(9)]), since=(ONE.checkpoint(6),)),
    bad(
        "rolled-back",
        "since",
        Tree(EIGHT[:5]),
        "a whole tree of five leaves, after one of eight was signed",
        since=(NOTE,),
    ),
    bad(
        "rolled-back-behind-an-epoch",
        "since",
        (Tree(EIGHT[:6]), Tree([began(EIGHT[:6])], 2), Tree([began([began(EIGHT[:6])], epoch=3)], 3)),
        "two leaves that were signed have gone, and epoch 2 says that nothing signed was known",
        since=(NOTE,),
    ),
    bad("since-of-a-missing-epoch", "since", ONE, "epoch 2 was signed and has gone", since=(TWO[1].checkpoint(),)),
    bad("since-of-a-stranger", "since", ONE, since=(replace(ONE, signers=(STRANGER,)).checkpoint(),)),
    bad("since-of-another-tenant", "since", ONE, since=(replace(ONE, tenant="globex").checkpoint(),)),
    bad("since-changed", "since", ONE, "its size was changed", since=(changed(ONE.checkpoint(5), "\n5\n", "\n4\n"),)),
]

ROOT = [
    bad("swapped-leaves", "root", forged([*EIGHT[:2], EIGHT[3], EIGHT[2], *EIGHT[4:]])),
    bad("leaf-taken-out", "root", forged([*EIGHT[:3], *EIGHT[4:]])),
    bad("cut-tail-mended", "root", forged(EIGHT[:7]), "the last leaf was taken out, and the sizes made to fit"),
    bad("leaf-put-in", "root", forged([*EIGHT, record(9)]), "a ninth leaf behind the eight that are signed"),
    bad("leaf-in-place-of-another", "root", forged(FORK)),
    bad("changed-microsecond", "root", forged(other(3, "03.000123Z", "03.000124Z"))),
    bad("changed-status", "root", forged(other(3, '"success"', '"denied"'))),
    bad("changed-to-null", "root", forged(other(3, '"http_status":200', '"http_status":null'))),
    bad("nfc-for-nfd", "root", changed(bundle(Tree([record(0, agent_id=NFD)])), NFD, NFC), "composed after it was sealed"),
    bad("nfd-for-nfc", "root", changed(bundle(Tree([record(0, agent_id=NFC)])), NFC, NFD), "decomposed after it was sealed"),
    bad("pruned-hash", "root", Tree([*FORK[4:], *FORK[:4], PRUNE], hidden=[(0, 4)], note=Tree([*EIGHT, PRUNE]).checkpoint()),
        "the hash of the leaves that were pruned is not theirs", options=ALLOW_GONE),
    bad("closed-epoch-is-a-fork", "root", (replace(ONE, note=Tree(FORK).checkpoint(7)), TWO[1]),
        "the checkpoint of epoch 1 signs another history than the one that epoch 2 follows"),
    bad("closed-epoch-was-longer", "root", (replace(ONE, note=Tree(ELEVEN).checkpoint()), TWO[1]),
        "eleven leaves of epoch 1 were signed, and eight are left"),
]  # fmt: skip

SIGNATURE = [
    bad("signature-of-a-stranger", "signature", replace(ONE, signers=(STRANGER,))),
    bad("signature-under-the-key-s-id", "signature",
        replace(ONE, note=NOTE[: NOTE.index("\n\n") + 2] + KEY.sign("another text\n", origin("acme", 1)))),
    bad("signature-stale", "signature", replace(ONE, note=ONE.checkpoint().split("\n\n")[0] + "\n\n"
        + Tree(EIGHT[:7]).checkpoint().split("\n\n")[1]), "the signature of the tree one leaf before"),
    bad("signature-of-an-old-key", "signature", ONE, "the key was changed, and the old one signs on",
        keys=(Signer("log, rotated").vkey(origin("acme", 1)),)),
    bad("signature-of-one-key-good-of-the-other-not", "signature",
        replace(ONE, note=NOTE + KEY.sign("x\n", origin("acme", 1))[:0] + Signer("log, rotated").sign("x\n", origin("acme", 1))),
        "a given key's signature is wrong, beside a good one", keys=(ACME, Signer("log, rotated").vkey(origin("acme", 1)))),
    bad("no-checkpoint", "signature", replace(ONE, signed=None), judges=OURS),
    bad("key-of-another-tenant", "signature", ONE, keys=(KEY.vkey(f"{LOG}/globex"),)),
    bad("key-of-another-log", "signature", ONE, keys=(KEY.vkey("other.example/acme"),)),
    bad("origin-of-another-tenant", "signature", replace(ONE, note=signed_as(f"{LOG}/globex"))),
    bad("origin-of-another-epoch", "signature", replace(ONE, note=signed_as(f"{LOG}/acme/2"))),
    bad("origin-of-epoch-1-in-epoch-2", "signature", (ONE, replace(TWO[1], note=signed_as(f"{LOG}/acme", SECOND)))),
    bad("origin-with-epoch-1", "signature", replace(ONE, note=signed_as(f"{LOG}/acme/1")), "epoch 1 has no number in its origin"),
    bad("key-name-is-not-the-origin", "signature", replace(ONE, note=f"{NOTE.split(chr(10) * 2)[0]}\n\n"
        + KEY.sign(NOTE.split("\n\n")[0] + "\n", f"{LOG}/acme/2")), "signed under the name of epoch 2"),
    bad("tail-under-no-signature", "signature", (Tree(ELEVEN, signed=7), Tree([], 2, signed=None)),
        "four leaves of epoch 1 are signed by nobody: epoch 2 is not either", judges=OURS),
]  # fmt: skip

CLAIMS = [
    bad("leaf-of-another-tenant", "tenant", Tree(put(EIGHT, 2, record(2, tenant_id="globex"))), "sealed in the tree of acme"),
    bad("key-and-origin-of-another-tenant", "tenant", replace(ONE, note=signed_as(f"{LOG}/globex")), "acme's leaves, signed as globex",
        keys=(KEY.vkey(f"{LOG}/globex"),)),
    bad("header-of-another-tenant", "tenant", bundle(ONE, tenant="globex")),
    bad("statement-of-another-tenant", "tenant", Tree([*ERASED[:8], gone("erase", [(5, 6)], tenant_id="globex")]), options=ALLOW_GONE),
    bad("private-line-changed", "private", changed(bundle(ONE), '"user_id":"user-1"', '"user_id":"user-2"')),
    bad("private-lines-swapped", "private",
        Tree([Leaf(EIGHT[0].text, EIGHT[1].private), Leaf(EIGHT[1].text, EIGHT[0].private), *EIGHT[2:]])),
    bad("salt-changed", "private", Tree(put(EIGHT, 0, Leaf(EIGHT[0].text, (EIGHT[0].private or "").replace("0", "1", 1))))),
    bad("erased-without-statement", "gone", Tree(put(EIGHT, 5, EIGHT[5].erased())), options=ALLOW_GONE),
    bad("erased-and-another-named", "gone", Tree([*ERASED[:8], gone("erase", [(4, 5)])]), options=ALLOW_GONE),
    bad("erased-and-named-in-another-epoch", "gone", Tree([*ERASED[:8], gone("erase", [(5, 6)], epoch=2)]), options=ALLOW_GONE),
    bad("pruned-without-statement", "gone", Tree(EIGHT, hidden=[(0, 4)]), options=ALLOW_GONE),
    bad("pruned-more-than-is-named", "gone", Tree([*EIGHT, gone("prune", [(0, 3)])], hidden=[(0, 4)]), options=ALLOW_GONE),
    bad("pruned-and-named-as-erased", "gone", Tree([*EIGHT, gone("erase", [(0, 4)])], hidden=[(0, 4)]), options=ALLOW_GONE),
    bad("pruned-before-it-was-sealed", "gone", Tree([gone("prune", [(4, 8)]), *EIGHT], hidden=[(4, 8)]),
        "a statement that allows leaves to go which come after it", options=ALLOW_GONE),
    bad("pruned-at-the-end-of-its-term", "gone", hiding_four(last_created_at=time(3600 - 365 * 86400)),
        "to the microsecond, the term had not ended", options=ALLOW_GONE),
    bad("pruned-before-the-end-of-its-term", "gone", hiding_four(keep_days=500), options=ALLOW_GONE),
    bad("pruned-from-a-later-time-to-an-earlier", "gone", hiding_four(first_created_at=time(-399 * 86400)), options=ALLOW_GONE),
    bad("pruned-and-said-too-soon", "gone", Tree([*EIGHT, gone("prune", [(0, 4)], keep_days=500)]), "nothing of it is missing"),
    bad("folded-tile-without-statement", "gone", Tree([*TILE[:260], gone("prune", [(256, 257)])], hidden=[(0, 256)]), options=ALLOW_GONE),
    bad("folded-tile-named-from-its-second-leaf", "gone", Tree([*TILE[:260], gone("prune", [(1, 256)])], hidden=[(0, 256)]), options=ALLOW_GONE),
    bad("folded-tile-named-to-its-last-but-one", "gone", Tree([*TILE[:260], gone("prune", [(0, 255)])], hidden=[(0, 256)]), options=ALLOW_GONE),
    bad("folded-tile-named-but-for-one-leaf", "gone", Tree([*TILE[:260], gone("prune", [(0, 99), (100, 256)])], hidden=[(0, 256)]),
        options=ALLOW_GONE),
    bad("folded-tile-not-allowed", "gone", Tree(TILE, hidden=[(0, 256)]), "good-folded-tile, for a reader who knows of no retention"),
    bad("folded-tile-of-other-leaves", "root", Tree([*records(1000, 1256), *TILE[256:]], hidden=[(0, 256)], note=Tree(TILE).checkpoint()),
        "the hash of the tile is not that of the leaves that were signed", options=ALLOW_GONE),
    bad("window-over-a-folded-tile-without-statement", "gone",
        bundle(Tree(MIDDLE, hidden=[(0, 198), (200, 512), (514, 521)]), window=MIDDLE_WINDOW), "the statement lies behind the window, and is not shown",
        options=("--window", *ALLOW_GONE)),
    bad("gone-not-allowed-erased", "gone", Tree(ERASED), "good-erased, for a reader who knows of no erasure"),
    bad("gone-not-allowed-pruned", "gone", Tree([*PRUNED[:5], PRUNED[5].erased(), *PRUNED[6:]], hidden=[(0, 4)]), "good-pruned-prefix likewise"),
    bad("gone-not-allowed-pruned-in-a-later-epoch", "gone", (Tree(EIGHT, hidden=[(2, 5)]), Tree([*SECOND, gone("prune", [(2, 5)])], 2))),
    bad("gone-not-allowed-though-since-holds", "gone", Tree([*ELEVEN, gone("prune", [(7, 9)])], hidden=[(7, 9)]),
        "a superuser put the statement into the tree and deleted two records; the old checkpoint still is the beginning of the tree",
        since=(Tree(ELEVEN).checkpoint(),)),
    bad("gone-not-allowed-in-a-window", "gone", bundle(Tree(ERASED, hidden=[(0, 3), (7, 8)]), window=WINDOW), options=("--window",)),
    bad("doubled-id", "ids", Tree([*EIGHT, record(3, status="error")])),
    bad("doubled-id-in-another-epoch", "ids", (ONE, Tree([*SECOND, record(3)], 2))),
    bad("doubled-leaf", "ids", Tree([*EIGHT, EIGHT[7]])),
    bad("epoch-loses-leaves", "epochs", (ONE, Tree([began(EIGHT, known=11, known_root="00" * 32)], 2)),
        "the signer knew eleven leaves; after the restore there were eight"),
    bad("epoch-link-broken", "epochs", (Tree(FORK), TWO[1]), "epoch 2 follows another tree of eight leaves"),
    bad("epoch-link-of-another-size", "epochs", (Tree(ELEVEN), TWO[1])),
    bad("epoch-link-of-another-root", "epochs", (ONE, Tree([began(FORK)], 2)), "eight leaves too, and no signed head was known"),
    bad("epoch-link-of-another-size-alone", "epochs", (ONE, Tree([began(EIGHT, previous_size=7)], 2))),
    bad("epoch-follows-another", "epochs", (ONE, Tree([began(EIGHT, previous_epoch=2)], 2))),
    bad("epoch-known-size-without-root", "epochs", (ONE, Tree([began(EIGHT, known_size=8)], 2))),
    bad("epoch-known-root-without-size", "epochs", (ONE, Tree([began(EIGHT, known_root="00" * 32)], 2))),
    bad("epoch-known-root", "epochs", (ONE, Tree([began(EIGHT, known=6, known_root="11" * 32)], 2)),
        "the signer knew another tree of six leaves"),
    bad("epoch-without-statement", "epochs", (ONE, Tree(records(8, 11), 2))),
    bad("epoch-statement-not-first", "epochs", (ONE, Tree([*SECOND, began(EIGHT)], 2))),
    bad("epoch-statement-in-epoch-1", "epochs", Tree([*EIGHT, began(EIGHT)])),
    bad("epoch-1-missing", "epochs", TWO[1], "epoch 2 alone, which is signed and whole"),
    bad("epoch-empty-between", "epochs", (Tree(EIGHT[:6]), Tree([], 2), Tree([began([], epoch=3)], 3)),
        "epoch 3 follows an epoch without leaf or statement, so nothing says how many leaves epoch 1 had", since=(ONE.checkpoint(5),)),
    bad("epoch-empty-between-unsigned", "epochs", (Tree(EIGHT[:6]), Tree([], 2, signed=None), Tree([began([], epoch=3)], 3))),
    bad("epoch-empty-and-signed", "epochs", (ONE, Tree([], 2)), "every epoch after the first begins with a leaf"),
    bad("epoch-passed-by", "epochs", (ONE, TWO[1], Tree([began(EIGHT, epoch=3, previous_epoch=1)], 3)),
        "epoch 3 follows epoch 1, and the file has an epoch 2 between them"),
    bad("epoch-skipped", "epochs", (ONE, Tree([began(EIGHT, epoch=3, previous_epoch=1)], 3))),
    bad("time-of-three-digits", "times", Tree([record(0, created_at="2026-11-30T05:00:00.123Z")])),
    bad("time-of-month-13", "times", Tree([record(0, created_at="2026-13-30T05:00:00.000123Z")])),
    bad("time-with-offset", "times", Tree([record(0, recorded_at="2026-11-30T05:00:00.000123+00:00")])),
    bad("time-of-february-30", "times", Tree([record(0, recorded_at="2026-02-30T05:00:00.000123Z")])),
    bad("time-of-hour-24", "times", Tree([record(0, recorded_at="2026-12-31T24:00:00.000000Z")])),
    bad("time-of-year-0", "times", Tree([record(0, created_at="0000-12-31T23:00:00.000000Z")])),
    bad("time-of-the-first-pruned", "times", Tree([*EIGHT, gone("prune", [(0, 4)], first_created_at="2025-02-30T00:00:00.000000Z")])),
    bad("time-of-the-last-pruned", "times", Tree([*EIGHT, gone("prune", [(0, 4)], last_created_at="2025-07-01T00:00:00Z")])),
    bad("time-of-a-leap-second", "times", Tree([record(0, recorded_at="2026-12-31T23:59:60.000000Z")])),
    bad("window-as-the-whole", "window", bundle(Tree(ELEVEN, hidden=[(0, 3), (6, 11)]), window=WINDOW)),
    bad("window-with-a-hole", "gone", bundle(Tree(ELEVEN, hidden=[(0, 2), (3, 4), (6, 11)]), window=WINDOW), "leaf 3 is not shown",
        options=("--window", *ALLOW_GONE)),
    bad("window-erased", "gone", bundle(Tree(ERASED, hidden=[(0, 3), (7, 9)]), window=WINDOW), options=("--window", *ALLOW_GONE)),
    bad("window-passing-for-the-whole", "gone", Tree(ELEVEN, hidden=[(0, 3), (6, 11)]), "a window, and the header says it is none",
        options=ALLOW_GONE),
    bad("witnesses-too-few", "witnesses", replace(ONE, witnesses=WITNESSES[:1]), options=asked(WITNESS_KEYS, 2)),
    bad("witness-of-another-size", "witnesses",
        replace(ONE, note=NOTE + WITNESSES[0][0].sign(Tree(ELEVEN).checkpoint().split("\n\n")[0] + "\n", WITNESSES[0][1], 1796014800)),
        options=asked(WITNESS_KEYS[:1], 1)),
    bad("witness-under-two-names", "witnesses",
        replace(ONE, witnesses=(WITNESSES[0], (WITNESSES[0][0], "witness.example/again"))),
        "one key counts once", options=asked([WITNESS_KEYS[0], WITNESSES[0][0].vkey("witness.example/again")], 2)),
    bad("witness-signs-as-a-log", "witnesses", replace(ONE, note=NOTE + Signer("witness w1").sign(
        NOTE.split("\n\n")[0] + "\n", WITNESSES[0][1])), options=asked(WITNESS_KEYS[:1], 1)),
]  # fmt: skip

PROVEN = proof(Tree(ELEVEN), 6)
PROOFS = [
    bad("proof-of-another-leaf", "inclusion", PROVEN, leaf=leaf_file(ELEVEN[7])),
    bad("proof-of-another-index", "inclusion", changed(PROVEN, "index 6", "index 7"), leaf=leaf_file(ELEVEN[6])),
    bad("proof-behind-the-tree", "inclusion", changed(PROVEN, "index 6", "index 11"), leaf=leaf_file(ELEVEN[6])),
    bad("proof-of-one-behind-the-tree", "inclusion", changed(proof(Tree(EIGHT[:1]), 0), "index 0", "index 1"), "no hash, and the root is right",
        leaf=leaf_file(EIGHT[0])),
    bad("proof-of-a-subtree", "inclusion", proof(replace(ONE, note=signed_as(origin("acme", 1), text=changed(NOTE.split("\n\n")[0] + "\n",
        "\n8\n", "\n16\n"))), 3), "the signed size is twice that of the tree whose root is signed", leaf=leaf_file(EIGHT[3])),
    bad("proof-hash-changed", "inclusion", changed(PROVEN, PROVEN.split("\n")[2], PROVEN.split("\n")[3]), leaf=leaf_file(ELEVEN[6])),
    bad("proof-too-long", "inclusion", changed(PROVEN, "\n\n", f"\n{PROVEN.split(chr(10))[2]}\n\n"), leaf=leaf_file(ELEVEN[6])),
    bad("proof-too-short", "inclusion", changed(PROVEN, PROVEN.split("\n")[5] + "\n", ""), leaf=leaf_file(ELEVEN[6])),
    bad("proof-leaf-changed", "inclusion", PROVEN, leaf=changed(leaf_file(ELEVEN[6]), "000123Z", "000124Z")),
    bad("proof-of-a-fork", "signature", proof(Tree(ELEVEN, signers=(STRANGER,)), 6), leaf=leaf_file(ELEVEN[6])),
    bad("proof-in-another-tenant", "signature", proof(Tree(ELEVEN, tenant="globex"), 6), leaf=leaf_file(ELEVEN[6])),
    bad("proof-leaf-of-another-tenant", "tenant", proof(Tree([record(0, tenant_id="globex")]), 0),
        leaf=leaf_file(record(0, tenant_id="globex"))),
    bad("proof-private-line-changed", "private", PROVEN, leaf=changed(leaf_file(ELEVEN[6]), "user-0", "user-1")),
    bad("proof-of-a-prune-time", "times", proof(Tree([NO_TIME]), 0), leaf=leaf_file(NO_TIME)),
    bad("proof-time", "times", proof(Tree([record(0, created_at=time(0)[:-1])]), 0), leaf=leaf_file(record(0, created_at=time(0)[:-1]))),
    bad("proof-witnesses-too-few", "witnesses", proof(WITNESSED, 3), leaf=leaf_file(EIGHT[3]),
        options=asked([*WITNESS_KEYS, Signer("witness w4", 4).vkey("witness.example/w4")], 4)),
]  # fmt: skip

UNJUDGED = [
    unjudged("since-inside-what-was-pruned", bundle(Tree([*ELEVEN, PRUNE], hidden=[(0, 4)])), "three leaves were signed; four are one hash",
             options=ALLOW_GONE, since=(Tree(ELEVEN).checkpoint(3),)),
    unjudged("closed-epoch-inside-what-is-not-shown", bundle(Tree(EIGHT, hidden=[(0, 8)], signed=6), TWO[1],
             window={"start_time": time(9), "end_time": None}), options=("--window",)),
    unjudged("key-misspelled", bundle(ONE), "another id than the key's", keys=(changed(ACME, "acme+", "acme+0")[:-1],)),
    unjudged("key-of-a-witness", bundle(ONE), keys=(WITNESS_KEYS[0],)),
]  # fmt: skip

BAD: list[Vector] = [*SINCE, *ROOT, *SIGNATURE, *CLAIMS, *PROOFS, *UNJUDGED, *FORMS]
