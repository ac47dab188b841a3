"""The errors that this project raises on purpose.

Here belong the exceptions that a person is meant to read: bad input, a source that cannot be had, a design that cannot
support a p-value. Each says in one line where the fault is, what was expected, what was found and what to do. Errors in
the program itself are ordinary Python exceptions and do not belong here.
"""

from __future__ import annotations

from collections.abc import Sequence


def shorten(text: str, most: int) -> str:
    """A text of others in one line: control characters escaped, its middle left out where it is long."""
    plain = "".join(c if c.isprintable() or c.isspace() else c.encode("unicode_escape").decode() for c in text)
    plain = " ".join(plain.split())
    if len(plain) <= most:
        return plain
    head = most * 2 // 3
    return f"{plain[:head]} ... {plain[len(plain) - (most - head - 5) :]}"


class Fault(Exception):
    """A fault that a person can act on, told in one line.

    Args:
        problem: what is wrong, as a short clause ("column OS_MONTHS is missing").
        subject: what it is wrong with: a file, a table, a contrast, a source.
        place: line, column, key or sample inside the subject, where known.
        expected: what would have been right.
        remedy: what to do about it, as an imperative.
    """

    def __init__(
        self, problem: str, *, subject: str, remedy: str, place: str | None = None, expected: str | None = None
    ) -> None:
        problem, subject, remedy = shorten(problem, 800), shorten(subject, 300), shorten(remedy, 400)
        place = shorten(place, 200) if place else place
        expected = shorten(expected, 250) if expected else expected
        self.problem = problem
        self.subject = subject
        self.place = place
        self.expected = expected
        self.remedy = remedy
        where = f"{subject}, {place}" if place else subject
        expectation = f" (expected {expected})" if expected else ""
        told = f"{where}: {problem}{expectation}"
        super().__init__(" ".join(f"{told}{'' if told.endswith('?') else '.'} {remedy}".split()))

    def __reduce__(self):
        # Keyword-only arguments do not survive the default pickling, and steps may run in another process.
        return _rebuild, (type(self), self.problem, self.subject, self.remedy, self.place, self.expected)


def _rebuild(
    kind: type[Fault], problem: str, subject: str, remedy: str, place: str | None, expected: str | None
) -> Fault:
    return kind(problem, subject=subject, remedy=remedy, place=place, expected=expected)


class CatalogFault(Fault):
    """A TOML file of the catalog, or a study.toml, is wrong or disagrees with another one.

    `others`: what else is wrong with the same file, so that a person hears of everything at once.
    """

    others: tuple[CatalogFault, ...] = ()

    @property
    def leaves_out(self) -> str:
        """What of a study waits for its mending: `intersection`, which waits alone, or `study`."""
        return "intersection" if (self.place or "").startswith("intersection ") else "study"

    @property
    def all(self) -> tuple[CatalogFault, ...]:
        """This one and the others."""
        return (self, *self.others)

    @classmethod
    def of_several(cls, faults: Sequence[CatalogFault]) -> CatalogFault:
        """The first fault, with the others in `others`; none twice. Raises ValueError where there is none."""
        if not faults:
            raise ValueError("no fault was given")
        first, *others = {str(one): one for fault in faults for one in fault.all}.values()
        first.others = tuple(others)
        return first


class DataFault(Fault):
    """A file or table holds something that it must not hold; nothing of it was written."""


class TransportFault(Fault):
    """Bytes arrived, but not the bytes that were asked for: truncated, of another checksum, or a page of HTML."""


class SourceUnavailable(Fault):
    """A source cannot be had now (offline, removed, not in the mirror); what depends on it stays as it is."""


class DesignFault(Fault):
    """An analysis was asked for that the design of the data cannot support."""


class UsageFault(Fault):
    """A command was called with something it cannot use."""
