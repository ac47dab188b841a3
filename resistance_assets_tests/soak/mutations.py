"""Mutated study folders and archives: each is read, or told in one line of bounded length.

Here belongs changing intact inputs at random and reading them. The suite runs a few of them; many are run by hand:

    python -m resistance_assets_tests.soak.mutations FOLDER_OF_CASES --inputs 10000
"""

from __future__ import annotations

import argparse
import io
import random
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from resistance_assets.catalog.study_folders import load_local_study
from resistance_assets.connectors.arrayexpress.biostudies import read_sdrf
from resistance_assets.connectors.arrayexpress.processed_counts import read_sample_counts
from resistance_assets.connectors.cbioportal.archive import read_study
from resistance_assets.connectors.gene_lists.gmt import read_gmt
from resistance_assets.connectors.geo.soft import read_soft
from resistance_assets.connectors.lab_study.study import read_counts_study, read_published_study
from resistance_assets.errors import Fault

LONGEST_MESSAGE = 2000
TOKENS = [
    b"\0", b"\xff\xfe", b"\xe9", b"\r", b"\r\n", b"\n", b"\t", b'"', b"NA", b"nan", b"-1", b"1e999", b"9" * 40,
    b"\xef\xbb\xbf", b"<html>", b"!", b"^", b"#", b"", b"x" * 5000, "µ\u2028\u00a0\u202e".encode(), b"\\", b"[[[[",
    b"[/]", b"[red]", b";", b"|", b"1.000", b"62,5", b">89", b"1-Mar", b"2020-03-01", b"43891", b"__no_feature",
    b"EGFR///MET", b"ENSG00000146648.5_EGFR", b"../../evil", b"{", b"PK\x03\x04", b"\x1f\x8b", b"=", b"0x10", b"1_000",
]  # fmt: skip


def mutate(data: bytes, draw: random.Random) -> bytes:
    """One to four changes: cut, insert, overwrite, drop, repeat or swap lines and cells, flip a bit."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(data) + 1)
        token = draw.choice(TOKENS)
        lines = data.split(b"\n")
        line = draw.randrange(len(lines))
        match draw.randrange(8):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + token + data[at:]
            case 2:
                data = data[:at] + token + data[at + len(token) :]
            case 3:
                data = data[:at] + data[at + draw.randrange(60) :]
            case 4:
                data = b"\n".join([*lines[: line + 1], *lines[line:]])
            case 5:
                data = b"\n".join([*lines[:line], *lines[line + 1 :]])
            case 6:
                cells = lines[line].split(b"\t")
                cells[draw.randrange(len(cells))] = token
                data = b"\n".join([*lines[:line], b"\t".join(cells), *lines[line + 1 :]])
            case _ if data and at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
    return data


def read_folder(folder: Path) -> object:
    """A study folder as a run reads it."""
    local = load_local_study(folder)
    return read_published_study(local) if local.study.kind == "deg_result" else read_counts_study(local)


def mutated_folder(source: Path, target: Path, draw: random.Random) -> Callable[[], object]:
    files = sorted(path for path in source.iterdir() if path.is_file())
    for path in target.iterdir():
        path.unlink()
    changed = draw.choice(files)
    for path in files:
        data = path.read_bytes()
        (target / path.name).write_bytes(mutate(data, draw) if path == changed else data)
    return lambda: read_folder(target)


def mutated_archive(source: Path, target: Path, draw: random.Random) -> Callable[[], object]:
    path = target / "luad_x.tar.gz"
    with tarfile.open(source) as archive:
        members = [(info.name, archive.extractfile(info).read()) for info in archive if info.isreg()]  # type: ignore[union-attr]
    at = draw.randrange(len(members))
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number, (name, data) in enumerate(members):
            body = mutate(data, draw) if number == at else data
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return lambda: read_study(path, required_patient_columns=["OS_MONTHS"], event_columns=["OS_STATUS"],
                              clinical_kinds={"OS_MONTHS": "time"})  # fmt: skip


def mutated_file(
    source: Path, target: Path, draw: random.Random, reader: Callable[[Path], object]
) -> Callable[[], object]:
    path = target / source.name
    path.write_bytes(mutate(source.read_bytes(), draw))
    return lambda: reader(path)


def read_mutations(cases: Path, work: Path, *, inputs: int, seed: int = 1) -> Counter[str]:
    """Read mutated inputs; outcome -> how many.

    Raises:
        AssertionError: a message is too long, has several lines, or something else than a Fault was raised.
    """
    draw = random.Random(seed)
    hostile = cases / "hostile"
    folders = sorted(path.parent for path in hostile.rglob("study.toml"))
    archives = sorted((hostile / "parsers").glob("*.tar.gz"))
    readers: dict[str, Callable[[Path], object]] = {
        "cr.gmt": read_gmt,
        "soft_cr.txt": read_soft,
        "sdrf_nl_in_quotes.txt": read_sdrf,
        "featurecounts.txt": read_sample_counts,
        "proc_star_rows.txt": read_sample_counts,
    }
    outcomes: Counter[str] = Counter()
    for number in range(inputs):
        kind = draw.randrange(10)
        if kind < 7:
            run = mutated_folder(draw.choice(folders), work, draw)
        elif kind < 9:
            run = mutated_archive(draw.choice(archives), work, draw)
        else:
            name = draw.choice(sorted(readers))
            run = mutated_file(hostile / "parsers" / name, work, draw, readers[name])
        try:
            run()
            outcomes["read"] += 1
        except Fault as fault:
            message = str(fault)
            assert len(message) < LONGEST_MESSAGE, f"input {number} of seed {seed}: {len(message)} characters"
            assert "\n" not in message, f"input {number} of seed {seed}: {message!r}"
            outcomes[type(fault).__name__] += 1
        except Exception as error:
            raise AssertionError(f"input {number} of seed {seed} raised {type(error).__name__}: {error}") from error
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        outcomes = read_mutations(asked.cases, Path(work), inputs=asked.inputs, seed=asked.seed)
    print(f"{asked.inputs} inputs in {time.monotonic() - started:.0f} s: {dict(outcomes)}")


if __name__ == "__main__":
    main()
