"""Where data live, which profile runs, and from where sources are fetched.

Every setting is an environment variable `RESISTANCE_<NAME>`; the command line sets the same ones. No Dagster here, and
nothing is created or opened when settings are read.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from resistance_assets.errors import UsageFault


class Settings(BaseSettings):
    """Settings of one invocation.

    Attributes:
        data_dir: folder that holds everything the warehouse writes.
        profile: `demo` (synthetic studies, no network), `public` (live sources); a mirror overrides either. `lake`:
            catalog, studies and sources as the runs that write to the lake in an object store had them. For what the
            lake lacks a mirror is asked, if one is named, or whom `else_ask` names.
        else_ask: with the profile `lake`, whether hosts are asked for what the lake lacks: `nobody` or `hosts`.
        mirror: folder with `index.jsonl`, or an index file: sources are read from there and never from the network.
        studies: folders of laboratory studies beside `<data_dir>/studies`.
        genes: a file with further genes of interest, one a line.
        catalog: folders of TOML files that are laid over the built-in catalog, beside `<data_dir>/catalog`.
        sets: sets of the built-in catalog that are in use: `seeds`, and those that `resistance catalog show` names.
        host_map: prefixes of URLs and what stands for them, for corporate caches.
        opt_in: ids of sources whose licence asks for a decision.
        contact: address sent in the User-Agent to the hosts.
        executor: where steps are executed, whoever launched the run. `in_process`: in the process of the run;
            `multiprocess`: in processes of this machine; `slurm` and `k8s`: dear steps in jobs of a cluster, the others
            in the process of the run. By default Dagster's runs take one process, and `resistance run` as many as
            `jobs` says: most steps take less than a second, and the start of a process takes three.
        jobs: processes that compute at the same time in `resistance run` and `refresh`; `auto`: as many as cores and
            memory allow, at two gigabytes each. Of a cluster: jobs in the queue at the same time, eight by default.
        job_memory: what a job of a cluster is given for steps whose peak is not recorded yet, such as `4GB`.
        job_minutes: the longest that a job of a cluster may take.
        job_cores: cores of a job of a cluster.
        slurm_partition: where jobs are submitted; Slurm's default where empty.
        slurm_options: further options of sbatch, such as `--account=lab --qos=short`.
        k8s_image, k8s_namespace, k8s_service_account: of the Jobs; the image is that of the run.
        k8s_volume_claim: claim of the volume that holds the data folder, mounted where the run has it.
        k8s_config: a YAML file with what else Jobs get, in the form of dagster-k8s.
        k8s_kubeconfig: where the cluster is described, for runs outside of it.
        report: whether a run writes the pages into `<data_dir>/report` after it published.
        memory: what queries may use, such as `4GB` or `512MB`; half of what the machine or its cgroup has, by default.
        alert_webhook: URL that alerts are posted to; `alert_form`: as Slack wants them, or the whole as JSON.
        alert_email: addresses that alerts are sent to, through `alert_smtp` (`smtp://user:password@host:587`; localhost
            by default), from `alert_sender`.
        max_age: how long ago the last good look at a source may be, such as `36h` or `3d`, before `refresh` and
            `status --check` fail; `off`: never.
        lake: `s3://bucket/prefix` where the lake is in an object store; endpoint and credentials are the usual `AWS_*`
            variables. By default it is a folder in the data folder.
        lake_cache: of a lake in an object store, how much of it the data folder keeps copies of, such as `50GB`; what
            was not used longest goes first. By default what `prune` leaves.
        keep_days: how long Dagster's runs and ticks, and lines of the log of runs times twelve, are kept.
        tick_seconds, watch_seconds: of the daemon, how often it looks for something to do, and at the sources.
        schedule: `on`: in the Dagster UI and daemon, the sensors and the schedule start switched on.
    """

    model_config = SettingsConfigDict(env_prefix="RESISTANCE_", extra="ignore")

    data_dir: Path = Path("data")
    profile: Literal["demo", "public", "lake"] = "demo"
    else_ask: Literal["nobody", "hosts"] = "nobody"
    mirror: Path | None = None
    studies: Annotated[tuple[Path, ...], NoDecode] = ()
    genes: Path | None = None
    catalog: Annotated[tuple[Path, ...], NoDecode] = ()
    sets: Annotated[tuple[str, ...], NoDecode] = ("seeds",)
    host_map: dict[str, str] = {}
    opt_in: Annotated[tuple[str, ...], NoDecode] = ()
    contact: str | None = None
    executor: Literal["in_process", "multiprocess", "slurm", "k8s"] = "in_process"
    jobs: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    memory: str | None = None
    job_memory: str = "4GB"
    job_minutes: int = Field(default=240, ge=1)
    job_cores: int = Field(default=1, ge=1)
    slurm_partition: str | None = None
    slurm_options: str = ""
    k8s_image: str | None = None
    k8s_namespace: str = "default"
    k8s_service_account: str | None = None
    k8s_volume_claim: str | None = None
    k8s_config: Path | None = None
    k8s_kubeconfig: Path | None = None
    report: bool = True
    schedule: Literal["off", "on"] = "off"
    alert_webhook: SecretStr | None = None
    alert_form: Literal["slack", "json"] = "slack"
    alert_email: Annotated[tuple[str, ...], NoDecode] = ()
    alert_smtp: SecretStr | None = None
    alert_sender: str = "resistance@localhost"
    max_age: str = "3d"
    lake: SecretStr | None = None
    lake_cache: str | None = None
    keep_days: int = 30
    tick_seconds: int = Field(default=60, ge=1)
    watch_seconds: int = Field(default=3600, ge=1)

    @field_validator("studies", "catalog", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("opt_in", "sets", "alert_email", mode="before")
    @classmethod
    def _split_words(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("max_age")
    @classmethod
    def _check_age(cls, value: str) -> str:
        from resistance_assets.orchestration.source_log import parse_age

        parse_age(value)
        return value

    @field_validator("memory", "job_memory", "lake_cache")
    @classmethod
    def _check_memory(cls, value: str | None) -> str | None:
        if value is not None:
            parse_bytes(value)
        return value

    @property
    def memory_bytes(self) -> int:
        """Bytes that queries may use."""
        return parse_bytes(self.memory) if self.memory is not None else memory_of_machine() // 2

    @property
    def job_count(self) -> int:
        """Processes, or jobs of a cluster, that compute at the same time."""
        if self.jobs != "auto":
            return self.jobs
        if self.uses_cluster:
            return JOBS_OF_A_CLUSTER
        if self.executor == "in_process" and "executor" in self.model_fields_set:
            return 1
        return max(1, min(cores_of_machine(), self.memory_bytes // MEMORY_OF_A_JOB))

    @property
    def uses_cluster(self) -> bool:
        """Whether dear steps are jobs of a cluster."""
        return self.executor in ("slurm", "k8s")

    @property
    def lake_dir(self) -> Path:
        return self.data_dir / "lake"

    @property
    def warehouse_path(self) -> Path:
        from resistance_assets.orchestration.stores.opening import warehouse_home

        return warehouse_home(self.data_dir) / "warehouse.duckdb"

    @property
    def releases_dir(self) -> Path:
        return self.data_dir / "releases"

    @property
    def cache_dir(self) -> Path:
        return self.data_dir / "cache"

    @property
    def demo_dir(self) -> Path:
        return self.data_dir / "demo"

    @property
    def dagster_home(self) -> Path:
        return Path(os.environ.get("DAGSTER_HOME") or self.data_dir / "dagster")

    @property
    def is_demo(self) -> bool:
        return self.mirror is None and self.profile == "demo"

    @property
    def is_synthetic(self) -> bool:
        """Whether the sources are the demo's: by the profile, or because the mirror that was named is a demo's."""
        return self.is_demo or (self.truth is not None and self.truth.is_file())

    @property
    def truth(self) -> Path | None:
        """Where the planted truth stands, if the sources are a demo's."""
        if self.is_from_lake:
            return None if self.configuration_dir is None else self.configuration_dir / "truth.json"
        return None if self.effective_mirror is None else self.effective_mirror.parent / "truth.json"

    @property
    def has_object_lake(self) -> bool:
        """Whether the lake is in an object store."""
        return self.lake is not None and bool(self.lake.get_secret_value())

    @property
    def is_from_lake(self) -> bool:
        """Whether catalog, studies and sources are those of the runs that write to the lake."""
        return self.profile == "lake"

    @property
    def configuration_dir(self) -> Path | None:
        """Of the profile `lake`, the copy of catalog and studies that is in use; None where there is none yet."""
        from resistance_assets.orchestration.stores.opening import configuration_home

        home = configuration_home(self.data_dir)
        with contextlib.suppress(OSError):
            if (name := (home / CONFIGURATION_IN_USE).read_text(encoding="ascii")).isalnum():
                return home / name
        return None

    @property
    def effective_mirror(self) -> Path | None:
        """The mirror in use: the one that was named, or the demo's own."""
        return self.demo_dir / "mirror" if self.is_demo else self.mirror

    @property
    def study_dirs(self) -> tuple[Path, ...]:
        """Folders in which laboratory studies are looked for, those that exist by convention included."""
        if self.is_from_lake:
            return self._copied("studies")
        own = (self.data_dir / "studies", *((self.demo_dir / "studies",) if self.is_demo else ()))
        return (*self.studies, *(path for path in own if path.is_dir()))

    @property
    def catalog_dirs(self) -> tuple[Path, ...]:
        """Folders of catalogs laid over the built-in one, in this order: the demo's (where its sources are in use), the
        one by convention, those that are named."""
        if self.is_from_lake:
            return self._copied("catalog")
        demo = (self.effective_mirror.parent / "catalog",) if self.effective_mirror and self.is_synthetic else ()
        return (*(path for path in (*demo, self.data_dir / "catalog") if path.is_dir()), *self.catalog)

    def _copied(self, what: str) -> tuple[Path, ...]:
        """Folders of the copied configuration, which are numbered in the order that they had."""
        folder = self.configuration_dir
        return () if folder is None else tuple(sorted((folder / what).glob("*/*")))


CONFIGURATION_IN_USE = "in_use"
COPIED_SETTINGS = "settings.json"

_UNITS = {
    "": 1,
    "k": 1000,
    "m": 1000**2,
    "g": 1000**3,
    "t": 1000**4,
    "ki": 1024,
    "mi": 1024**2,
    "gi": 1024**3,
    "ti": 1024**4,
}
LEAST_MEMORY_BYTES = 64 * 1000**2
MEMORY_OF_A_JOB = 2 * 1000**3
JOBS_OF_A_CLUSTER = 8


def parse_bytes(text: str) -> int:
    """Bytes of a size such as `4GB`, `512 MiB` or `1.5g`.

    Raises:
        ValueError: it is no size, or less than 64 MB, with which no query runs.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", text.lower())
    if found is None or found[2] not in _UNITS:
        raise ValueError("a size such as 4GB or 512MB")
    size = int(float(found[1]) * _UNITS[found[2]])
    if size < LEAST_MEMORY_BYTES:
        raise ValueError("at least 64MB")
    return size


def memory_of_machine() -> int:
    """Bytes of memory that this process may use: the machine's, or its cgroup's where that is less."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int(Path(path).read_text(encoding="ascii")))
    return max(LEAST_MEMORY_BYTES, min(sizes))


def cores_of_machine() -> int:
    """Cores that this process may use: those that it is bound to, or its cgroup's share where that is less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def _fault_of(error: ValidationError) -> UsageFault:
    """The first value that is not allowed, with the nearest one that is."""
    first = error.errors()[0]
    value = first.get("input")
    allowed = re.findall(r"'([^']+)'", first["msg"]) if first["type"] == "literal_error" else []
    near = difflib.get_close_matches(str(value), allowed, n=1)
    return UsageFault(
        f"the value {value!r} is not allowed",
        subject=f"RESISTANCE_{str(first['loc'][0]).upper()}",
        expected=first["msg"],
        remedy=f"Did you mean {near[0]}?" if near else "Correct the environment variable.",
    )


def load_settings() -> Settings:
    """Settings from the environment, with paths made absolute.

    Raises:
        UsageFault: a variable holds what it may not.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise _fault_of(error) from None
    absolute = settings.model_copy(
        update={
            "data_dir": settings.data_dir.expanduser().absolute(),
            "mirror": settings.mirror.expanduser().absolute() if settings.mirror else None,
            "genes": settings.genes.expanduser().absolute() if settings.genes else None,
            "studies": tuple(path.expanduser().absolute() for path in settings.studies),
            "catalog": tuple(path.expanduser().absolute() for path in settings.catalog),
        }
    )
    return _as_in_the_lake(absolute) if absolute.is_from_lake else absolute


def _as_in_the_lake(settings: Settings) -> Settings:
    """Settings of the profile `lake`: sets and genes of interest are those of the runs that write to the lake."""
    if not settings.has_object_lake:
        raise UsageFault(
            "takes everything from a lake in an object store, and none is named",
            subject="--profile lake",
            remedy="Set RESISTANCE_LAKE=s3://bucket/prefix.",
        )
    found: dict[str, object] = {"studies": (), "catalog": (), "genes": None}
    folder = settings.configuration_dir
    if folder is not None:
        with contextlib.suppress(OSError, ValueError):
            found["sets"] = tuple(json.loads((folder / COPIED_SETTINGS).read_text(encoding="utf-8"))["sets"])
        if (folder / "genes.txt").is_file():
            found["genes"] = folder / "genes.txt"
    return settings.model_copy(update=found)
