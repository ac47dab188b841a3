"""Ids that carry their title: what a person reads on a page instead of the name that a table uses."""

from __future__ import annotations


class Titled(str):
    """An id of a contrast, cohort, study, list or collection. It is the id; a table's cell shows ``words``.

    Attributes:
        words: its title.
        href: page that it leads to, from the page it stands on.
    """

    __slots__ = ("href", "words")

    words: str
    href: str | None

    def __new__(cls, ident: str, words: str, href: str | None = None) -> Titled:
        made = super().__new__(cls, ident)
        made.words = words
        made.href = href
        return made


def title_of(ident: str) -> str:
    """The title that an id carries, or the id itself."""
    return ident.words if isinstance(ident, Titled) else ident


def cut(title: str, longest: int) -> str:
    """A title, or as much of its beginning as ``longest`` characters hold."""
    return title if len(title) <= longest else f"{title[: longest - 1].rstrip()}…"


# Columns of the tables that hold such an id, whatever it is of.
TITLED_COLUMNS = frozenset(
    (
        "cohort_id",
        "os_cohort_id",
        "other_cohort_id",
        "pooled_as",
        "prognostic_cohort_id",
        "contrast_id",
        "list_id",
        "signature_id",
        "intersection_id",
        "dataset_id",
        "study_id",
        "comparison_id",
        "database_id",
        "collection",
    )
)
