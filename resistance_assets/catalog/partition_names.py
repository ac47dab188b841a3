"""Names of partitions: `parts.<name of the table>__<key>`, made here and nowhere else.

A partition holds the rows of one study, contrast, cohort or source in a table, with the table's own columns.
"""

from __future__ import annotations

# The layer of partitions: kept in the lake so that a change recomputes one study, contrast or cohort; not published.
PARTS = "parts"
REJECTED_ROWS = "raw.rejected_rows"


def partition_of(table_name: str, *keys: str) -> str:
    """Name of a partition of a table, such as `parts.gsea__terms__wz4002_vs_parental__limma` of `core.gsea__terms`.

    Args:
        table_name: `<layer>.<name>` of the table that the partition is a part of.
        keys: ids of the study, contrast, cohort or source, of the endpoint and of the method. No table has two
            partitions with the same keys.
    """
    layer, separator, name = table_name.partition(".")
    if not (layer and separator and name and all(keys)):
        raise ValueError(f"{table_name} {keys}: a partition has the name of its table, layer.name, and keys")
    return f"{PARTS}.{'__'.join((name, *keys))}"


def rejected_of(name: str) -> str:
    """Partition of `raw.rejected_rows` with what was set aside while ``name``, a partition or a table, was made."""
    return partition_of(REJECTED_ROWS, name.partition(".")[2])
