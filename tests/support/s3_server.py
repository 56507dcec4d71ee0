"""An S3 server on a real port of 127.0.0.1: moto's, in a process of its own, with a bucket."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import httpx

from tests.chaos.service import free_port
from tests.support.polling import eventually

BUCKET = "audit-of-acme"
LOCKED_BUCKET = "locked-audit-of-acme"
KEY = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "s3cret"}


@dataclass
class S3Server:
    """client: of boto3, for looking at what is there."""

    url: str
    client: Any

    def names(self) -> list[str]:
        """Return the names of all objects but the position, sorted."""
        found = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [each["Key"] for each in found if not each["Key"].endswith("/position.json")]

    def lines(self) -> list[bytes]:
        """Return the lines of all objects, in the order of their names."""
        return [line for name in self.names() for line in self.lines_of(name)]

    def lines_of(self, name: str) -> list[bytes]:
        """Return the lines of an object."""
        body: bytes = self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return body.splitlines()


@contextmanager
def s3_server(*, versions: bool = True) -> Iterator[S3Server]:
    """Serve until the block ends. versions: whether the bucket keeps them, as S3's own do not by default."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=KEY["access_key_id"],
        aws_secret_access_key=KEY["secret_access_key"],
    )  # fmt: skip
    try:
        eventually(lambda: process.poll() is not None or _answers(url))
        client.create_bucket(Bucket=BUCKET)
        if versions:
            client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield S3Server(url, client)
    finally:
        client.close()
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/data.json", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
