"""Weakens the verifier in each way that would let evidence pass that must not: some vector has to notice.

Two conditions are left out, since another one catches the same: see _check_cover() and check_witnesses().
"""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from app.verify import ringfence_verify
from tests.vectors import judging

SOURCE = Path(ringfence_verify.__file__).read_text()
WEAKENINGS = {
    "any signature": ("if not key.verifies(signature, checkpoint.text.encode())", "if False"),
    "a signature of another epoch": ("if number != epoch.number:\n                    raise", "if False:\n                    raise"),
    "an origin with the number 1": ('and number != "1" else', "else"),
    "two signatures of one key": ("if len(lines) > 1:\n            raise ValueError(f", "if False:\n            raise ValueError(f"),
    "base64 with loose bits": ("if base64.b64encode(decoded).decode() != text", "if False"),
    "leaves under no signature": ("if uncovered > 0 and", "if False and"),
    "any root": ("elif epoch.roots[checkpoint.size] != checkpoint.root", "elif False"),
    "fewer leaves than are signed": ("if checkpoint.size > epoch.size", "if False"),
    "more leaves than are signed": ("elif epoch is self.epochs[-1] and checkpoint.size != epoch.size", "elif False"),
    "any private line": ("if hashlib.sha256(raw).hexdigest() != record[5]", "if False"),
    "a lost end": ("elif known > size", "elif False"),
    "another known root": ("elif before.roots[known].hex() != statement[7]", "elif False"),
    "a known size alone": ("if (known is None) != (statement[7] is None)", "if False"),
    "another previous root": ("elif bytes.fromhex(statement[5]) != before.roots[before.size]", "elif False"),
    "another previous size": ("if int(statement[3]) != before.number or size != before.size", "if False"),
    "an epoch without statement": ("if epoch is not self.epochs[-1] or epoch.checkpoint is not None", "if epoch is not self.epochs[-1]"),
    "an empty epoch between two": ("if epoch is not self.epochs[-1] or epoch.checkpoint is not None", "if epoch.checkpoint is not None"),
    "another previous epoch": ("int(statement[3]) != before.number or size", "size"),
    "a statement in another place": ("if index or int(statement[2]) != epoch.number or epoch.number == 1", "if False"),
    "a missing epoch": ("if numbers != list(range(1, len(numbers) + 1))", "if False"),
    "a shorter tree than before": ("elif old.size > epoch.size", "elif False"),
    "a fork": ("elif epoch.roots[old.size] != old.root", "elif False"),
    "gaps without a statement": ("if reached < end", "if False"),
    "what is gone, whatever the reader says": ('if not self.gone_allowed and "gone" not in', 'if False and "gone" not in'),
    "a statement of what comes after it": ("if each.epoch > said.at_epoch or each.end > limit", "if False"),
    "pruned leaves that were named as erased": (' if each.said.kind == "prune"', ""),
    "a prune before the end of a term": ("if age > timedelta(days=self.term.keep_days)", "if True"),
    "a prune at the end of a term": ("if age > timedelta", "if age >= timedelta"),
    "a prune whose first record comes last": ("if self.first_created_at > self.last_created_at", "if False"),
    "any times of pruned records": ("for text in statement[6], statement[7]:", "for text in ():"),
    "any mode of a prune": ("mode='(?:\"(DRY_RUN|LIVE)\"|null)'", "mode=f'({_or_null(_TEXT)})'"),
    "a term of no days": ('keep_days="([1-9][0-9]{0,4})"', 'keep_days="([0-9]{1,5})"'),
    "erased parts that are not looked for": ("join_range(epoch.erased, index, index + 1)", "pass"),
    "a doubled id": ("if len(set(ids)) != len(ids)", "if False"),
    "a window that was not asked for": ("if not self.window_wanted", "if False"),
    "another tenant's record": ("if record[1] != f'\"{self.tenant}\"'", "if False"),
    "another tenant's statement": ("if tenant != f'\"{self.tenant}\"'", "if False"),
    "another tenant's key and origin": ('if tenant.rpartition("/")[2] != self.tenant', "if False"),
    "another tenant's key for a leaf": ('if key.name.rpartition("/")[2] != tenant', "if False"),
    "subtrees of any size": ("count & (count - 1)", "False"),
    "subtrees that are not aligned": ("index % count", "False"),
    "ranges in any order": ("if not previous <= first < end", "if False"),
    "data behind the end": ("if not lines.ended:\n            lines.refuse", "if False:\n            lines.refuse"),
    "any number of records": ("if int(complete[1]) != self.records", "if False"),
    "a leaf behind the tree": ("if index >= checkpoint.size", "if False"),
    "a proof of a subtree": ("if last:\n        raise", "if False:\n        raise"),
    "too few witnesses": ("if len(counted) < quorum", "if False"),
    "any cosignature": ("if len(signature) != 72 or not key.verifies(signature[8:], message)", "if False"),
    "any time": ("if not is_time(text)", "if False"),
}  # fmt: skip
"""{what the weakened verifier lets pass: (code, code in place of it)}"""


@pytest.mark.parametrize("weakening", WEAKENINGS)
def test_a_weakened_verifier_is_noticed(weakening: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, weaker = WEAKENINGS[weakening]
    assert SOURCE.count(code) == 1, f"{SOURCE.count(code)} times in the verifier: {code}"
    weakened = ModuleType("weakened_verifier")
    monkeypatch.setitem(sys.modules, weakened.__name__, weakened)  # dataclasses look there for their module
    exec(compile(SOURCE.replace(code, weaker), weakened.__name__, "exec"), weakened.__dict__)
    monkeypatch.setattr(judging, "ringfence_verify", weakened)
    assert judging.disagreements({"ringfence": judging.judge_ringfence()})
