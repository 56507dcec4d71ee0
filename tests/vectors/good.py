"""The vectors that every judge must accept."""

from tests.vectors.building import (
    KEY,
    NEW_KEY,
    STRANGER,
    Leaf,
    Signer,
    Tree,
    began,
    bundle,
    gone,
    line,
    origin,
    proof,
    record,
    records,
    time,
)  # fmt: skip
from tests.vectors.vectors import ACME, ALLOW_GONE, OURS, Vector

NFC, NFD = "Müller", "Mu\u0308ller"
WITNESSES = tuple((Signer(f"witness {name}", 4), f"witness.example/{name}") for name in ("w1", "w2", "w3"))
WITNESS_KEYS = [signer.vkey(name) for signer, name in WITNESSES]
WINDOW: dict[str, str | None] = {"start_time": time(3), "end_time": time(6)}


def asked(keys: list[str], quorum: int) -> tuple[str, ...]:
    """Return the options that ask for so many of these witnesses."""
    return (*(word for key in keys for word in ("--witness", key)), "--quorum", str(quorum))


def leaf_file(leaf: Leaf) -> str:
    """Return the file that goes with a proof."""
    return leaf.text + "\n" + ("" if leaf.private is None else leaf.private + "\n")


EIGHT = records(0, 8)
ELEVEN = records(0, 11)
# Leaves 0 to 3 were pruned and 5 was erased; the two statements are leaves 8 and 9.
PRUNED = [*EIGHT, gone("prune", [(0, 4)]), gone("erase", [(5, 6)]), record(8)]
ERASED = [*EIGHT[:5], EIGHT[5].erased(), *EIGHT[6:], gone("erase", [(5, 6)])]
SECOND = [began(EIGHT, known=8), *records(8, 12)]
AFTER_TAIL = [began(ELEVEN, known=7), *records(11, 14)]
THIRD = [began(SECOND, epoch=3, reason="failover"), *records(12, 15)]
ODD = [
    record(
        0,
        private={"user_id": NFC, "error": 'quotes " and \\ and /\b\f\n\r\t\x01\x1f\x7f'},
        agent_id="agent \u2028 \U0001f50f",
    ),
    record(1, trace_id='"\\', agent_id="\t", private={"context": line({"event": "\n", "resource": "\u0000"})}),
]
BEFORE = [
    record(number, trace_id=None, mode=None, status=None, http_status=None, latency_ms=None, recorded_at=None, api_key_id=None,
           private={"user_id": None, "context": None})
    for number in range(3)
]  # fmt: skip
TWO = (Tree(EIGHT), Tree(SECOND, 2))
# A tile of 256 leaves that were all pruned is one line.
TILE = [*records(0, 260), gone("prune", [(0, 256)]), record(260)]
MIDDLE = [*records(0, 516), gone("prune", [(200, 512)]), *records(516, 520)]
MIDDLE_WINDOW: dict[str, str | None] = {"start_time": time(198), "end_time": time(514)}
ONE = Tree(EIGHT)
WITNESSED = Tree(EIGHT, witnesses=WITNESSES)

GOOD = [
    Vector("good-one-record", bundle(Tree(records(0, 1))), about="a tree of one leaf, whose root is the leaf's hash"),
    Vector("good-two-records", bundle(Tree(records(0, 2)))),
    Vector("good-eight-records", bundle(ONE), about="a complete tree"),
    Vector("good-eleven-records", bundle(Tree(ELEVEN)), about="a tree that is not complete: 8, 2 and 1"),
    Vector("good-empty-tree", bundle(Tree([])), about="no record yet; the root of the empty tree is signed"),
    Vector("good-records-from-before", bundle(Tree(BEFORE)), about="records from before recorded_at was kept"),
    Vector("good-escapes", bundle(Tree(ODD)), about="every escape of to_json, and characters that it leaves as they are"),
    Vector("good-nfc", bundle(Tree([record(0, agent_id=NFC)])), about="a composed letter; nothing is normalised"),
    Vector("good-nfd", bundle(Tree([record(0, agent_id=NFD)])), about="the same letter decomposed, sealed as such"),
    Vector("good-since", bundle(Tree(ELEVEN)), since=(Tree(ELEVEN).checkpoint(5),)),
    Vector("good-since-same-size", bundle(Tree(ELEVEN)), since=(Tree(ELEVEN).checkpoint(),)),
    Vector("good-since-several", bundle(Tree(ELEVEN)), since=tuple(Tree(ELEVEN).checkpoint(size) for size in (1, 4, 8, 10))),
    Vector("good-since-empty-tree", bundle(ONE), since=(ONE.checkpoint(0),)),
    Vector("good-erased", bundle(Tree(ERASED)), options=ALLOW_GONE, about="the private part of leaf 5 has gone, and leaf 8 says so"),
    Vector("good-pruned-prefix", bundle(Tree([*PRUNED[:5], PRUNED[5].erased(), *PRUNED[6:]], hidden=[(0, 4)])), options=ALLOW_GONE,
           about="leaves 0 to 3 are one hash; leaf 8 names them"),
    Vector("good-erased-and-pruned-over-days", bundle(Tree([*ERASED[:8], gone("prune", [(0, 2)], at=time(-9 * 86400)), gone("erase", [(5, 6)]),
           gone("prune", [(2, 4)], at=time(30 * 86400))], hidden=[(0, 4)])), options=ALLOW_GONE,
           about="a day of the erasure, and a first and last one of the prunes"),
    Vector("good-pruned-by-several-terms", bundle(Tree([*EIGHT, gone("prune", [(0, 1)], mode="DRY_RUN", keep_days=30), gone("prune", [(1, 2)]),
           gone("prune", [(2, 3)], mode=None), gone("prune", [(3, 4)], first_created_at=time(-999 * 86400), last_created_at=time(-999 * 86400))],
           hidden=[(0, 4)])), options=ALLOW_GONE, about="each mode by a statement of its own; LIVE twice, by one term"),
    Vector("good-pruned-by-many-terms", bundle(Tree([*EIGHT, *(gone("prune", [(n, n + 1)], keep_days=100 + n) for n in range(8))], hidden=[(0, 8)])),
           options=ALLOW_GONE, about="a term that is set anew before each prune"),
    Vector("good-pruned-right-after-its-term", bundle(Tree([*EIGHT, gone("prune", [(0, 4)], last_created_at=time(3600 - 365 * 86400 - 0.000001))],
           hidden=[(0, 4)])), options=ALLOW_GONE, about="a microsecond after the end of the term"),
    Vector("good-folded-tile", bundle(Tree(TILE, hidden=[(0, 256)])), options=ALLOW_GONE, since=(Tree(TILE).checkpoint(256), Tree(TILE).checkpoint(258)),
           about="256 leaves are one line, which a statement names; old sizes at its end and behind it"),
    Vector("good-window-over-a-folded-tile", bundle(Tree(MIDDLE, hidden=[(0, 198), (200, 512), (514, 516), (517, 521)]), window=MIDDLE_WINDOW),
           options=("--window", *ALLOW_GONE), about="the statement, which lies behind the window, is shown beside it"),
    Vector("good-pruned-in-a-later-epoch", bundle(Tree(EIGHT, hidden=[(2, 5)]), Tree([*SECOND, gone("prune", [(2, 5)])], 2)), options=ALLOW_GONE,
           about="the statement is in the tree of epoch 2"),
    Vector("good-pruned-and-since", bundle(Tree([*ELEVEN, gone("prune", [(0, 4)])], hidden=[(0, 4)])), options=ALLOW_GONE,
           since=(Tree(ELEVEN).checkpoint(4), Tree(ELEVEN).checkpoint(6)), about="old sizes at and behind the gap"),
    Vector("good-statement-and-nothing-gone", bundle(Tree([*EIGHT, gone("erase", [(5, 6)])])), about="what leaf 8 names is still there"),
    Vector("good-gone-allowed-and-nothing-gone", bundle(ONE), options=ALLOW_GONE),
    Vector("good-two-epochs", bundle(*TWO), about="a restore that lost nothing"),
    Vector("good-two-epochs-tail-unsigned", bundle(Tree(ELEVEN, signed=7), Tree(AFTER_TAIL, 2)),
           about="the last four leaves of epoch 1 are signed by way of epoch 2's first leaf"),
    Vector("good-two-epochs-first-never-signed", bundle(Tree(EIGHT, signed=None), Tree([began(EIGHT)], 2))),
    Vector("good-three-epochs", bundle(*TWO, Tree(THIRD, 3)), about="then a failover, with no signed head known"),
    Vector("good-since-in-a-closed-epoch", bundle(*TWO), since=(ONE.checkpoint(6), Tree(SECOND, 2).checkpoint(3))),
    Vector("good-new-epoch-not-signed-yet", bundle(ONE, Tree([], 2, signed=None)), about="epoch 2 has begun and has no checkpoint"),
    Vector("good-window", bundle(Tree(ELEVEN, hidden=[(0, 3), (6, 11)]), window=WINDOW), options=("--window",)),
    Vector("good-window-two-epochs", bundle(Tree(EIGHT, hidden=[(0, 6)]), Tree(SECOND, 2, hidden=[(3, 5)]),
           window={"start_time": time(6), "end_time": None}), options=("--window",)),
    Vector("good-window-erased", bundle(Tree(ERASED, hidden=[(0, 3), (7, 8)]), window=WINDOW), options=("--window", *ALLOW_GONE),
           about="the statement is shown, though it lies behind the window"),
    Vector("good-window-asked-whole-given", bundle(ONE), options=("--window",)),
    Vector("good-rotated-key", bundle(Tree(EIGHT, signers=(KEY, NEW_KEY))), keys=(NEW_KEY.vkey(origin("acme", 1)),),
           about="signed by the old key and the new one; the verifier has the new one"),
    Vector("good-two-keys", bundle(Tree(EIGHT), Tree(SECOND, 2, signers=(NEW_KEY,))),
           keys=(ACME, NEW_KEY.vkey(origin("acme", 1))), about="the key was changed between two epochs; both are given"),
    Vector("good-line-of-a-stranger", bundle(Tree(EIGHT, signers=(STRANGER, KEY))), about="a line of an unknown key is passed over"),
    Vector("good-witnesses", bundle(WITNESSED), options=asked(WITNESS_KEYS, 3)),
    Vector("good-witnesses-quorum", bundle(Tree(EIGHT, witnesses=WITNESSES[:2])), options=asked(WITNESS_KEYS, 2)),
    Vector("good-proof-first", proof(Tree(ELEVEN), 0), leaf=leaf_file(ELEVEN[0])),
    Vector("good-proof-middle", proof(Tree(ELEVEN), 6), leaf=leaf_file(ELEVEN[6])),
    Vector("good-proof-last", proof(Tree(ELEVEN), 10), leaf=leaf_file(ELEVEN[10])),
    Vector("good-proof-of-one", proof(Tree(records(0, 1)), 0), leaf=leaf_file(ELEVEN[0]), about="a proof without hashes"),
    Vector("good-proof-erased", proof(Tree(ERASED), 5), leaf=leaf_file(ERASED[5]), about="without its private line"),
    Vector("good-proof-epoch-2", proof(Tree(SECOND, 2), 2), leaf=leaf_file(SECOND[2])),
    Vector("good-proof-statement", proof(Tree(SECOND, 2), 0), leaf=leaf_file(SECOND[0]), judges=OURS),
    Vector("good-proof-of-a-prune", proof(Tree(PRUNED), 8), leaf=leaf_file(PRUNED[8])),
    Vector("good-proof-of-an-erasure", proof(Tree(PRUNED), 9), leaf=leaf_file(PRUNED[9])),
    Vector("good-proof-witnesses", proof(WITNESSED, 3), leaf=leaf_file(EIGHT[3]), options=asked(WITNESS_KEYS[:1], 1)),
]  # fmt: skip
