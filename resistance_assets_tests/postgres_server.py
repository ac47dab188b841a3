"""A real Postgres: Debian's server in a folder of its own, on 127.0.0.1 alone, by a user that is not root."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from resistance_assets_tests.slurm_cluster import free_ports, running, wait_until

USER, DATABASE = "dagster", "postgres"


def find_programs() -> Path | None:
    """Folder of the newest server's programs, which Debian keeps off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextlib.contextmanager
def run_postgres(programs: Path) -> Iterator[Mapping[str, str]]:
    """A server for a block; gives the environment by which `deploy/dagster-postgres.yaml` finds it."""
    # The server refuses to work for root; pytest's folders are root's alone.
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        password = secrets.token_hex(16)
        (folder / "password").write_text(password)
        if as_user:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
        data = folder / "data"
        subprocess.run(
            [
                *as_user, str(programs / "initdb"), "-D", str(data), "-U", USER, f"--pwfile={folder}/password",
                "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--no-locale",
            ],
            check=True,
            capture_output=True,
            cwd=folder,
        )  # fmt: skip
        (port,) = free_ports(1)
        options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
        command = [*as_user, str(programs / "postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with running(command, folder):
            ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            wait_until(lambda: subprocess.run(ready, cwd=folder).returncode == 0, "postgres")
            yield {
                "DAGSTER_PG_HOST": "127.0.0.1",
                "DAGSTER_PG_PORT": str(port),
                "DAGSTER_PG_DB": DATABASE,
                "DAGSTER_PG_USERNAME": USER,
                "DAGSTER_PG_PASSWORD": password,
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
