"""A gzip file gives no more than its size can honestly hold."""

from __future__ import annotations

import gzip as standard
import io

import pytest

from resistance_assets.connectors.formats import gzip


def test_a_bomb_is_told_as_damage(monkeypatch, tmp_path):
    monkeypatch.setattr(gzip, "RATIO_FREE_BYTES", 1 << 16)
    bomb = standard.compress(b"\0" * (1 << 24))
    path = tmp_path / "bomb.gz"
    path.write_bytes(bomb)
    for read in (
        lambda: gzip.decompress(bomb),
        lambda: gzip.open_gzip(path).read(),
        lambda: gzip.open_gzip(io.BytesIO(bomb)).read(),
    ):
        with pytest.raises(gzip.DAMAGE, match="times its size"):
            read()


def test_what_is_honest_is_read_whole_and_by_lines(tmp_path):
    text = b"".join(b"gene %d\t%d\n" % (n, n * n) for n in range(20_000))
    path = tmp_path / "t.gz"
    path.write_bytes(standard.compress(text) + standard.compress(b"second member\n"))
    whole = text + b"second member\n"
    assert gzip.decompress(path.read_bytes()) == whole
    with gzip.open_gzip(path) as content:
        assert content.readline() == b"gene 0\t0\n"
        assert content.read() == whole[len(b"gene 0\t0\n") :]
    with gzip.open_gzip(path) as content:
        assert list(io.TextIOWrapper(content))[-1] == "second member\n"
