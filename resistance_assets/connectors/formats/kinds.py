"""What kind of file some bytes are, and their text where they are one: UTF-8, UTF-16, or the first sheet of an .xlsx.

Here belongs telling a table that can be read from a workbook, an archive or an object of R that cannot, by its first
bytes and never by its name. Splitting text into rows is in `delimited`.
"""

from __future__ import annotations

import csv
import io
import zipfile

from resistance_assets.errors import DataFault

LARGEST_SHEET_BYTES = 512 * 1024**2
"""Unpacked bytes of a workbook; the largest sheet has 1,048,576 rows."""

_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"BZh", "a bzip2 file", "Decompress it (bunzip2), or compress it with gzip"),
    (b"\xfd7zXZ\x00", "an xz file", "Decompress it (unxz), or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "Decompress it (unzstd), or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it"),
    (b"Rar!", "a rar archive", "Unpack it"),
    (b"\xd0\xcf\x11\xe0", "a workbook of old Excel (.xls)", "Save it as .xlsx, or as tab-separated text"),
    (b"\x89HDF", "an HDF5 file (.h5, .h5ad, .loom)", "Write its matrix as tab-separated text"),
    (b"PAR1", "a Parquet file", "Write it as tab-separated text"),
    (b"RDX", "an object of R", "Write it as tab-separated text (write.table)"),
    (b"X\n\x00\x00\x00", "an object of R (.rds)", "Write it as tab-separated text (write.table)"),
    (b"%PDF", "a PDF", "Fetch the table itself"),
    (
        b"version https://git-lfs.github.com/spec/",
        "a pointer of git-lfs, not the data",
        "Fetch it after `git lfs pull`",
    ),
    (b"\x1f\x8b", "a gzip file inside of a gzip file", "Decompress it once"),
)


def text_of_bytes(data: bytes, *, source: str) -> bytes:
    """The text that a file holds, as UTF-8 without a byte-order mark; bytes that are in no Unicode stay as they are.

    Raises:
        DataFault: the file is an archive, a workbook that is no plain table, an object of R and so on.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _from_utf16(data, "utf-16", source)
    if data.startswith(b"PK\x03\x04"):
        return _first_sheet(data, source)
    for magic, kind, remedy in _KINDS:
        if data.startswith(magic):
            raise DataFault(f"the file is {kind}", subject=source, expected="a text table", remedy=remedy)
    head = data[:2000]
    if b"\0" in head:
        # Text of the Latin alphabet in UTF-16 has a zero in every other byte.
        for codec, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
            if len(zeros) > 4 and zeros.count(0) > 0.9 * len(zeros) and letters.count(0) == 0:
                return _from_utf16(data, codec, source)
    return data


def _from_utf16(data: bytes, codec: str, source: str) -> bytes:
    try:
        return data.decode(codec).encode("utf-8")
    except UnicodeError as error:
        raise DataFault(
            "the file begins as UTF-16 and does not go on so", subject=source, remedy="Save the file as UTF-8"
        ) from error


def _first_sheet(data: bytes, source: str) -> bytes:
    """The first sheet of a workbook as tab-separated text with quotation marks where they are needed."""
    remedy = "Save the table as tab-separated text, or as a workbook whose first sheet is the table alone"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataFault("the file is a damaged zip", subject=source, remedy="Fetch or copy it again") from error
    if not any(name.startswith("xl/") for name in names):
        raise DataFault(
            f"the file is a zip archive of {', '.join(names[:3])[:120] or 'nothing'}",
            subject=source,
            expected="a text table",
            remedy="Unpack it",
        )
    if unpacked > LARGEST_SHEET_BYTES:
        raise DataFault(
            f"the workbook unpacks to {unpacked:,} bytes",
            subject=source,
            expected=f"at most {LARGEST_SHEET_BYTES:,}",
            remedy=remedy,
        )
    import fastexcel

    try:
        sheet = fastexcel.read_excel(data).load_sheet(0, header_row=None, dtypes="string", skip_rows=0)
        rows = sheet.to_polars().rows()
    except Exception as error:  # the reader raises of many kinds for a workbook that is damaged
        raise DataFault("the workbook cannot be read", subject=source, remedy=remedy) from error
    if not rows:
        raise DataFault("the first sheet of the workbook is empty", subject=source, remedy=remedy)
    width = len(rows[0])
    filled = [sum(cell is not None and cell.strip() != "" for cell in row) for row in rows[:50]]
    if width < 2 or filled[0] < width - 1:
        raise DataFault(
            f"the workbook's first sheet is no plain table: its first row has {filled[0]} cells of {width} columns",
            subject=source,
            expected="a header in the first row and nothing above or beside the table",
            remedy=remedy,
        )
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(
        [["" if cell is None else cell.replace("\t", " ").replace("\n", " ") for cell in row] for row in rows]
    )
    return text.getvalue().encode("utf-8")
