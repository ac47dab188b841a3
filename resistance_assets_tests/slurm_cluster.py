"""A real Slurm of one node: Debian's munged, slurmctld and slurmd, in a folder of their own and on 127.0.0.1 alone.

Here belongs how it is set up and torn down. What is run on it belongs to the tests.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sacct", "sinfo")
LONGEST_START = 60.0
MEMORY_MB = 6000

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory={memory} State=UNKNOWN
PartitionName=small Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=closed Nodes=ALL State=DOWN
"""


def missing_programs() -> list[str]:
    """Programs of Debian's slurm-wlm and munge that are not there."""
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@contextlib.contextmanager
def run_slurm(folder: Path) -> Iterator[Path]:
    """Slurm under ``folder``; gives the path of slurm.conf, for SLURM_CONF. Its programs end with the block."""
    with contextlib.ExitStack() as programs:
        for name in ("state", "spool"):
            (folder / name).mkdir(parents=True)
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        host = socket.gethostname().split(".")[0]
        ports = free_ports(2)
        configuration = folder / "slurm.conf"
        configuration.write_text(
            CONFIGURATION.format(
                host=host, user=getpass.getuser(), folder=folder, memory=MEMORY_MB,
                controller_port=ports[0], node_port=ports[1],
            )
        )  # fmt: skip
        # munged asks for a folder that everybody may enter, and pytest's are the user's alone.
        munge = ["--force", "--foreground", f"--key-file={key}", f"--socket={folder}/munge.socket"]
        munge += [
            f"--pid-file={folder}/munge.pid",
            f"--log-file={folder}/munge.log",
            f"--seed-file={folder}/munge.seed",
        ]
        programs.enter_context(running([*_program("munged"), *munge], folder))
        wait_until(lambda: (folder / "munge.socket").exists(), "munged")
        programs.enter_context(running([*_program("slurmctld"), "-D", "-f", str(configuration)], folder))
        programs.enter_context(running([*_program("slurmd"), "-D", "-f", str(configuration)], folder))
        environment = {**os.environ, "SLURM_CONF": str(configuration)}

        def is_up() -> bool:
            said = subprocess.run(
                ["sinfo", "-h", "-p", "small", "-o", "%T"], env=environment, capture_output=True, text=True
            )
            return said.stdout.strip() == "idle"

        wait_until(is_up, "slurmd")
        yield configuration


def ask_slurm(*arguments: str) -> list[list[str]]:
    """Cells of what a program of Slurm prints, asked with `--Format=NAME:|,NAME:|`."""
    said = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return [[cell.strip() for cell in line.split("|")[:-1]] for line in said.stdout.splitlines()]


def _program(name: str) -> list[str]:
    found = shutil.which(name, path=_path())
    assert found is not None
    return [found]


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen]:
    """A program for the length of the block; what it says goes to a file beside its configuration."""
    with (folder / f"{Path(command[0]).name}.out").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(holds: Callable[[], bool], what: str, seconds: float = LONGEST_START, *, every: float = 0.1) -> None:
    """Look until something holds that no file descriptor tells of. Fails after so many seconds."""
    pause = threading.Event()
    for _ in range(int(seconds / every)):
        if holds():
            return
        pause.wait(every)
    pytest.fail(f"{what} did not begin to work within {seconds:.0f} s")


def free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def require(missing: list[str], packages: str, variable: str) -> None:
    """Skip where programs are absent, and say which package has them; fail where the variable asks for them."""
    if missing:
        reason = f"{', '.join(missing)} not found (Debian: apt-get install {packages})"
        if os.environ.get(variable) == "1":
            pytest.fail(reason)
        pytest.skip(reason)
