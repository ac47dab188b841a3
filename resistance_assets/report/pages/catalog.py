"""What was loaded and what it means: data dictionary, sources and licences."""

from __future__ import annotations

from typing import Any

from resistance_assets.report.html import Heading, Markup, Page, facts, link, prose, table
from resistance_assets.report.published import Published, short_reason


def dictionary_page(published: Published) -> Page:
    page = Page("dictionary.html", "Data dictionary")
    page.paragraph(
        "Every published table: what a row is, its key, and its main limitation.",
        Markup("<code>resistance lineage layer.table.column</code> walks any column back to its files."),
    )
    columns: dict[str, list[dict[str, Any]]] = {}
    for row in published.rows("SELECT * FROM meta.columns ORDER BY layer, table_name, position"):
        columns.setdefault(f"{row['layer']}.{row['table_name']}", []).append(row)
    upstream: dict[tuple[str, str], list[str]] = {}
    for row in published.rows("SELECT * FROM meta.lineage ORDER BY ALL"):
        names = [row[name] for name in ("upstream_layer", "upstream_table", "upstream_column") if row[name]]
        upstream.setdefault((f"{row['layer']}.{row['table_name']}", row["column_name"]), []).append(".".join(names))
    order = ("marts", "core", "staging", "raw")
    rows = [
        {
            "name": link(f"#{address}", address),
            "grain": facts_of["grain"],
            "row_count": facts_of["row_count"],
            "status": facts_of["status"],
            "layer": facts_of["layer"],
        }
        for layer in order
        for address, facts_of in published.tables.items()
        if facts_of["layer"] == layer
    ]
    headings = [
        Heading("name", "Table"),
        Heading("layer", "Layer"),
        Heading("grain", "One row is"),
        Heading("row_count", "Rows", None, True),
        Heading("status", "State"),
    ]
    page.add(table("Tables", headings, rows, filter_by=("layer",)))
    for layer in order:
        for address, about in published.tables.items():
            if about["layer"] != layer:
                continue
            page.heading(address, anchor=address)
            page.paragraph(about["description"] or "")
            page.add(
                facts(
                    [
                        ("Grain", about["grain"]),
                        ("Key", about["key_columns"]),
                        ("Limitation", about.get("limitation", about["not_true"])),
                        ("Rows", about["row_count"]),
                        ("Data version", about["data_version"]),
                        ("State", about["reason"] or about["status"]),
                    ]
                )
            )
            listed = [
                {
                    "name": row["column_name"],
                    "type": row["data_type"],
                    "unit": row["unit"],
                    "description": row["description"],
                    "key": "key" if row["is_key"] else None,
                    "of": ", ".join(upstream.get((address, row["column_name"]), [])) or None,
                }
                for row in columns.get(address, [])
            ]
            headings = [
                Heading("name", "Column"),
                Heading("type", "Type"),
                Heading("unit", "Unit"),
                Heading("description", "Meaning"),
                Heading("key", "Key"),
                Heading("of", "Computed from"),
            ]
            page.add(table(f"Columns of {address}", headings, listed, is_searchable=False))
    return page


def sources_page(published: Published) -> Page:
    page = Page("sources.html", "Sources and licences")
    page.paragraph(
        "Where every number comes from. The SHA-256 is that of the file as it was read; the licence is the source's."
    )
    rows = published.rows("SELECT * FROM meta.sources ORDER BY state, source_id")
    for row in rows:
        is_web = (row["url"] or "").startswith("http")
        row["name"] = row["source_id"]
        row["where"] = link(row["url"], row["url"]) if is_web else row["url"]
        terms = row["licence"]
        row["terms"] = link(row["licence_url"], terms) if row["licence_url"] else terms
        row["checksum"] = prose("<code>{sum}</code>", sum=row["sha256"]) if row["sha256"] else None
        source = published.sources[row["source_id"]]
        row["standing"] = row["state"] if row["state"] == "loaded" else f"{row['state']}: {short_reason(source)}"
    headings = [
        Heading("name", "Source"),
        Heading("title", "Title"),
        Heading("standing", "State"),
        Heading("terms", "Licence"),
        Heading("citation", "Citation"),
        Heading("bytes", "Bytes", None, True),
        Heading("last_modified", "Last modified"),
        Heading("retrieved_at", "Retrieved"),
        Heading("where", "From"),
        Heading("checksum", "SHA-256"),
        Heading("feeds", "Feeds"),
    ]
    page.add(table("Sources", headings, rows))
    page.heading("Software")
    page.paragraph(
        Markup("Figures are drawn by plotly.js (MIT licence, in <code>assets/plotly.min.js</code>)."),
        "Colours are those of Okabe and Ito.",
    )
    return page
