"""Where a statement ends: SQL and dot commands taken apart, in a file of them and while somebody types."""

from __future__ import annotations

import re

# What a semicolon may stand in without ending a statement; an unfinished one reaches to the end of the text.
_PIECE = re.compile(
    r"""
      (?P<string>[eE]'(?:\\.|''|[^'\\])*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z))
    | (?P<comment>--[^\n]*(?:\n|\Z) | /\*.*?(?:\*/|\Z))
    | (?P<dollar>\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)


def take_statement(text: str) -> tuple[str | None, str]:
    """The first statement or dot command of a text, and the rest.

    A dot command ends with its line, SQL with a semicolon, which is left out.

    Returns:
        None in place of the statement where the text holds none, or the beginning of one alone; the rest is the text.
    """
    begun = text.lstrip()
    if begun.startswith("."):
        line, _, rest = begun.partition("\n")
        return line.strip(), rest
    for piece in _PIECE.finditer(text):
        if piece["end"]:
            statement = text[: piece.start()].strip()
            if is_blank(statement):
                return take_statement(text[piece.end() :])
            return statement, text[piece.end() :]
    return None, text


def split_statements(text: str) -> list[str]:
    """Every statement and dot command of a text; the last needs no semicolon."""
    found = []
    while True:
        statement, rest = take_statement(text)
        if statement is None:
            return found if is_blank(rest) else [*found, rest.strip()]
        found.append(statement)
        text = rest


def is_complete(text: str) -> bool:
    """Whether what was typed can be answered: a dot command, statements up to their semicolon, or nothing."""
    while True:
        statement, rest = take_statement(text)
        if statement is None:
            return is_blank(rest)
        text = rest


def is_blank(text: str) -> bool:
    """Whether a text holds nothing but space and whole comments."""
    without = _PIECE.sub(lambda piece: "" if _is_whole_comment(piece) else piece.group(), text)
    return not without.strip()


def _is_whole_comment(piece: re.Match[str]) -> bool:
    comment = piece["comment"]
    return comment is not None and (comment.startswith("--") or comment.endswith("*/"))
