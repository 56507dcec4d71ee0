"""Known answers of RFC 6962: the leaves and roots of Certificate Transparency's own tests, and proofs in these trees.

The roots were not computed here: they stand in the tests of Certificate Transparency's reference implementation.
"""

import hashlib

from tests.vectors.building import path, sha256

LEAVES = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
]  # fmt: skip
ROOTS = [
    hashlib.sha256(b"").hexdigest(),
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""ROOTS[n] is the root of the first n leaves."""

_HASHES = [sha256(b"\x00", bytes.fromhex(leaf)) for leaf in LEAVES]
RFC6962: dict[str, object] = {
    "leaves": LEAVES,
    "roots": ROOTS,
    "inclusion": [
        {"index": index, "size": size, "hashes": [each.hex() for each in path(index, _HASHES[:size])]}
        for index, size in [(0, 1), (0, 8), (5, 8), (2, 3), (1, 5), (6, 7), (3, 7)]
    ],
}
