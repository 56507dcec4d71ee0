"""RFC 3161: a time-stamp of a time-stamping authority over the bytes of a checkpoint, in a file beside it.

The package rfc3161-client is needed for this alone, and is not in the lock file of the signer.
"""

import asyncio
from datetime import datetime
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from app.outside import Answer, OutsideFailed, make_client, send
from app.sign import notes
from app.sign.settings import SignerSettings


class StampFailed(Exception):
    """No time-stamp was made. The message is one sentence."""


def stamp(settings: SignerSettings, checkpoint: Path, out: Path) -> datetime:
    """Write the time-stamp response to `out`, and return its time. Raises StampFailed, BadNote or OSError."""
    try:
        import rfc3161_client as tsp
    except ImportError:
        raise StampFailed("install rfc3161-client: it is needed for time-stamps alone") from None
    if settings.tsa_url is None or settings.tsa_roots_file is None:
        raise StampFailed("set TSA_URL and TSA_ROOTS_FILE to the authority and the root certificates that you trust")
    content = checkpoint.read_bytes()
    notes.parse(content.decode("utf-8", "replace"))  # a stamp over the wrong file would be found out too late
    roots = load_pem_x509_certificates(settings.tsa_roots_file.read_bytes())
    request = tsp.TimestampRequestBuilder().data(content).hash_algorithm(tsp.HashAlgorithm.SHA256).build()
    try:
        answer = asyncio.run(_ask(settings.tsa_url, request.as_bytes(), settings.publish_timeout))
    except OutsideFailed as error:
        raise StampFailed(f"TSA_URL: {error}") from None
    if answer.status != 200:
        raise StampFailed(f"TSA_URL: answer {answer.status}")
    try:
        response = tsp.decode_timestamp_response(answer.body)
        builder = tsp.VerifierBuilder.from_request(request)
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(response, content)
    except (tsp.VerificationError, ValueError) as error:
        raise StampFailed(f"the authority's answer is no time-stamp of this checkpoint: {error}") from None
    out.write_bytes(answer.body)
    at: datetime = response.tst_info.gen_time
    return at


async def _ask(url: str, request: bytes, seconds: float) -> Answer:
    async with make_client() as client:
        return await send(client, "POST", url, request, {"Content-Type": "application/timestamp-query"}, seconds)
