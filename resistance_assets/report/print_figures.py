"""Figures for a paper or a slide: SVG, PDF or PNG of a stated width, drawn from the published tables.

Here belong the five kinds of figure (volcano, forest, Kaplan-Meier, heatmap, UpSet) as matplotlib draws them, each with
a caption that states n, method and release. The pages' own drawings stand in `figures`; both read the same tables.
"""

from __future__ import annotations

import difflib
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.report.explain.text import arms_in_words, number
from resistance_assets.report.figures import PALETTE, frame_of, minus_log10, spaced_labels
from resistance_assets.report.published import Published
from resistance_assets.report.sql_text import literals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".pdf", ".png")
MM_PER_INCH = 25.4
DOTS_PER_INCH = 300
LONGEST_TITLE, LONGEST_LABEL, LONGEST_NAME = 60, 44, 32
"""Characters of a line above a figure, of a label of a contrast, and of a cohort with its endpoint."""
COLOURS = PALETTE["light"]
GENES = "marts.deg_by_contrast"
CURVES = "core.survival__kaplan_meier"
SCREEN = "core.survival__cohort_endpoint_genes"
UPSET = "core.intersections__upset"


@dataclass(frozen=True)
class Wanted:
    """What a figure shows and how large it is.

    Attributes:
        contrast, method: of a volcano; the leading method by default.
        genes: named in a volcano; the rows of a forest or heatmap; the gene of curves.
        cohort, endpoint: of curves, or of a forest of several genes.
        family: of lists, of an UpSet plot.
        top: how many genes are named, rows drawn or combinations shown, where genes do not say it.
        width_mm, font_points: of the figure.
        caption: whether the caption stands below the drawing.
    """

    contrast: str | None = None
    method: str | None = None
    genes: tuple[str, ...] = ()
    cohort: str | None = None
    endpoint: str | None = None
    family: str | None = None
    top: int = 10
    width_mm: float = 120.0
    font_points: float = 8.0
    caption: bool = True


@dataclass(frozen=True)
class Drawn:
    """A figure that was written: its file and its caption."""

    path: Path
    caption: str


def write_figure(published: Published, kind: str, path: Path, wanted: Wanted, *, force: bool = False) -> Drawn:
    """Draw a figure into a file whose suffix says the format.

    Args:
        published: the release.
        kind: one of `KINDS`.
        path: .svg, .pdf or .png.
        wanted: what it shows.
        force: replace a file that exists.

    Raises:
        UsageFault: an unknown kind, suffix, contrast, gene, cohort or family; the nearest one is named.
        DataFault: the file cannot be written.
    """
    if kind not in KINDS:
        raise _unknown("figure", kind, KINDS)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageFault(
            f"the suffix is {path.suffix or 'missing'}", subject=f"-o {path}", expected=f"one of {', '.join(SUFFIXES)}",
            remedy="Name the file so.",
        )  # fmt: skip
    if path.exists() and not force:
        raise UsageFault("exists", subject=f"-o {path}", remedy="Name another file, or add --force.")
    import matplotlib as mpl

    options: dict[Any, Any] = {
        "font.size": wanted.font_points,
        "font.family": "DejaVu Sans",
        "axes.titlesize": wanted.font_points + 1,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
    }
    # Letters stay letters, so that a person can edit them.
    options |= {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "resistance"}
    with mpl.rc_context(options):
        figure, caption = KINDS[kind](published, wanted)
        caption = f"{caption} Release {published.release}{', SYNTHETIC DATA' if published.is_synthetic else ''}."
        if wanted.caption:
            _put_caption(figure, caption, wanted)
        metadata = {} if path.suffix.lower() == ".png" else {"Title": kind, "CreationDate": None}
        if path.suffix.lower() == ".svg":
            metadata = {"Title": kind, "Description": caption, "Date": None}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The width is what was asked for: nothing is cut off the margins.
            figure.savefig(path, dpi=DOTS_PER_INCH, metadata=metadata)
        except OSError as error:
            raise DataFault(
                f"cannot be written: {error.strerror or error}", subject=str(path), remedy="Choose another place."
            ) from error
    return Drawn(path, caption)


def _unknown(what: str, name: str, known: Iterable[str]) -> UsageFault:
    listed = sorted(known)
    near = difflib.get_close_matches(name, listed, n=1, cutoff=0.5)
    few = ", ".join(listed[:20]) + (", ..." if len(listed) > 20 else "")
    return UsageFault(
        f"there is no such {what}",
        subject=name,
        remedy=f"Did you mean {near[0]}?" if near else f"There are: {few or 'none'}.",
    )


def _choose(what: str, option: str, asked: str | None, known: Sequence[str]) -> str:
    """What was asked for, or the only one there is."""
    if asked is None:
        if len(known) == 1:
            return known[0]
        raise UsageFault(
            f"it is not told which {what}", subject=option, expected=f"one of {', '.join(known) or 'none'}",
            remedy=f"Add {option}.",
        )  # fmt: skip
    if asked not in known:
        raise _unknown(what, asked, known)
    return asked


def _new(wanted: Wanted, height_mm: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(wanted.width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), layout="constrained")


def _put_caption(figure: Figure, caption: str, wanted: Wanted) -> None:
    """The caption in lines of the figure's width, below the drawing, for which the figure grows."""
    points = wanted.font_points - 1
    width, height = figure.get_size_inches()
    # A letter of DejaVu Sans is about 0.56 of its size wide.
    lines = textwrap.wrap(caption, max(20, int(width * 72 / (0.56 * points))))
    room = (len(lines) * 1.3 + 1.0) * points / 72
    figure.set_size_inches(width, height + room)
    share = room / (height + room)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, share, 1, 1 - share))  # pyright: ignore[reportCallIssue]
    figure.text(0.02, share - 0.3 * points / 72 / (height + room), "\n".join(lines), fontsize=points, va="top",
                linespacing=1.25, color=COLOURS["text"], parse_math=False)  # fmt: skip


def _short(name: str, most: int) -> str:
    """A name without its middle, where it is too long."""
    return name if len(name) <= most else f"{name[: most - 17]}…{name[-16:]}"


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _missing_genes(asked: Sequence[str], present: Iterable[str], where: str) -> None:
    known = set(present)
    for gene in asked:
        if gene not in known:
            near = difflib.get_close_matches(gene, known, n=1, cutoff=0.6)
            raise UsageFault(
                f"{gene} is not in {where}", subject=f"--gene {gene}",
                remedy=f"Did you mean {near[0]}?" if near else "See `resistance explain` for what was measured of it.",
            )  # fmt: skip


def draw_volcano(published: Published, wanted: Wanted) -> tuple[Figure, str]:
    """Effects against -log10 p of one contrast, with the genes that are asked for, or the first ones, named."""
    contrasts = published.rows("SELECT * FROM raw.catalog__contrasts ORDER BY contrast_id")
    names = [row["contrast_id"] for row in contrasts]
    contrast = _choose("contrast", "--contrast", wanted.contrast, names)
    rule = next(row for row in contrasts if row["contrast_id"] == contrast)
    methods = published.rows(
        "SELECT DISTINCT method FROM core.deg__contrast_genes WHERE contrast_id = ? AND p_value IS NOT NULL", [contrast]
    )
    known = [row["method"] for row in methods]
    if not known:
        raise UsageFault(
            "has no p-values, so there is no volcano of it", subject=contrast,
            remedy="Draw a heatmap, or read its effects in core.deg__contrast_genes.",
        )  # fmt: skip
    leading = [name for name in rule["methods"].split("|") if name in known] or sorted(known)
    method = _choose("method", "--method", wanted.method or leading[0], sorted(known))
    rows = published.rows(
        "SELECT hgnc_symbol, log2_fold_change, p_value, q_value_bh, n_numerator, n_denominator"
        " FROM core.deg__contrast_genes WHERE contrast_id = ? AND method = ? AND p_value IS NOT NULL"
        " AND hgnc_symbol IS NOT NULL ORDER BY p_value, hgnc_symbol",
        [contrast, method],
    )
    _missing_genes(wanted.genes, (row["hgnc_symbol"] for row in rows), f"{contrast} by {method}")
    q_limit, least = rule["q_value_threshold"], rule["abs_log2_fold_change_threshold"]
    x = [row["log2_fold_change"] for row in rows]
    y = [minus_log10(row["p_value"]) or 0.0 for row in rows]
    listed = [
        row["q_value_bh"] is not None and row["q_value_bh"] < q_limit and abs(row["log2_fold_change"]) > least
        for row in rows
    ]
    frames = frame_of(x, 0.0), (0.0, 1.08 * max(y, default=1.0))
    figure = _new(wanted, wanted.width_mm * 0.8)
    axes = figure.subplots()
    groups = (
        ("none", "o", [at for at, found in enumerate(listed) if not found]),
        ("up", "^", [at for at, found in enumerate(listed) if found and x[at] > 0]),
        ("down", "v", [at for at, found in enumerate(listed) if found and x[at] < 0]),
    )
    for role, marker, at in groups:
        axes.scatter([x[i] for i in at], [y[i] for i in at], s=5 if role == "none" else 9, marker=marker, linewidths=0,
                     c=COLOURS[role], alpha=0.45 if role == "none" else 0.9, rasterized=True, zorder=2)  # fmt: skip
    beyond = [row["p_value"] for row in rows if row["q_value_bh"] is not None and row["q_value_bh"] < q_limit]
    for place in [-least, least] if least else []:
        axes.axvline(place, color=COLOURS["muted"], lw=0.6, ls=":")
    if beyond:
        axes.axhline(minus_log10(max(beyond)) or 0.0, color=COLOURS["muted"], lw=0.6, ls=":")
    at_of = {row["hgnc_symbol"]: at for at, row in reversed(list(enumerate(rows)))}
    asked = [at_of[gene] for gene in wanted.genes]
    chosen = asked or [at for at, found in enumerate(listed) if found][: wanted.top]
    # Genes that are asked for are named whatever stands there.
    labels = [rows[at]["hgnc_symbol"] for at in chosen]
    if not asked:
        labels = spaced_labels([(x[at], y[at], rows[at]["hgnc_symbol"]) for at in chosen], *frames)
    for at, label in zip(chosen, labels, strict=True):
        if asked:
            axes.plot(x[at], y[at], "o", ms=5, mfc="none", mec=COLOURS["marked"], mew=0.9, zorder=4)
        if label:
            axes.annotate(
                label, (x[at], y[at]), xytext=(0, 4), textcoords="offset points", ha="center", fontstyle="italic",
                zorder=5, parse_math=False,
                bbox={"boxstyle": "round,pad=0.05", "fc": COLOURS["ground"], "ec": "none", "alpha": 0.7},
            )  # fmt: skip
    axes.set(xlim=frames[0], ylim=frames[1], xlabel="log2 fold change", ylabel="−log10 p")
    title = published.contrast_titles.get(contrast, contrast)
    axes.set_title(_wrapped(title, LONGEST_TITLE), loc="left", parse_math=False)
    _plain(axes)
    outside = sum(not frames[0][0] <= value <= frames[0][1] for value in x)
    caption = (
        f"{title}: {arms_in_words(rows[0], ' against ')} samples, {method}, {len(rows):,} genes "
        f"tested; {len(groups[1][2]):,} up and {len(groups[2][2]):,} down at q < {q_limit:g} (Benjamini-Hochberg) and "
        f"|log2 fold change| > {least:g} (dotted)."
    )
    return figure, caption + (f" {outside} genes lie outside the frame." if outside else "")


def _fitting(title: str, ident: str, longest: int) -> str:
    """The title, or the id where there is no room for the title: half a title says less than an id."""
    return title if len(title) <= longest else ident


def _wrapped(text: str, longest: int) -> str:
    return "\n".join(textwrap.wrap(text, longest))


def draw_forest(published: Published, wanted: Wanted) -> tuple[Figure, str]:
    """Hazard ratios with 95 % intervals: of one gene over cohorts and endpoints, or of genes in one endpoint."""
    genes = wanted.genes or published.genes_of_interest
    where = f"hgnc_symbol IN ({literals(genes)}) AND is_primary AND hazard_ratio IS NOT NULL"
    rows = published.rows(
        "SELECT hgnc_symbol, cohort_id, endpoint, n, events, model, expression_scale, hazard_ratio, ci_lower, ci_upper,"
        f" p_value FROM {SCREEN} WHERE {where} AND covariates IS NULL"
        " ORDER BY cohort_id, list_position(['OS', 'DSS', 'DFS', 'DFI', 'PFS', 'PFI'], endpoint)"
    )
    _missing_genes(wanted.genes, (row["hgnc_symbol"] for row in rows), "any survival screen")
    if len(genes) > 1:
        pairs = list(dict.fromkeys((row["cohort_id"], row["endpoint"]) for row in rows))
        cohort = _choose("cohort", "--cohort", wanted.cohort, list(dict.fromkeys(one for one, _ in pairs)))
        endpoints = [endpoint for one, endpoint in pairs if one == cohort]
        endpoint = _choose("endpoint", "--endpoint", wanted.endpoint, endpoints)
        rows = [row for row in rows if (row["cohort_id"], row["endpoint"]) == (cohort, endpoint)]
        rows.sort(key=lambda row: -row["hazard_ratio"])
        title = f"{published.titles.get(cohort, cohort)}, {endpoint}"
        names = [row["hgnc_symbol"] for row in rows]
    else:
        rows = [row for row in rows if wanted.cohort in (None, row["cohort_id"])
                and wanted.endpoint in (None, row["endpoint"])]  # fmt: skip
        title = ", ".join(genes)
        names = [
            _fitting(published.in_words(name), name, LONGEST_NAME)
            for name in (f"{row['cohort_id']} {row['endpoint']}" for row in rows)
        ]
    if not rows:
        raise UsageFault(
            "no hazard ratio is there",
            subject=", ".join(genes) or "forest",
            remedy="See `resistance explain GENE` for what there is and why.",
        )
    figure = _new(wanted, 22 + 5.5 * len(rows))
    axes = figure.subplots()
    places = list(range(len(rows)))[::-1]
    for place, row in zip(places, rows, strict=True):
        low, high = row["ci_lower"], row["ci_upper"]
        if low and high:
            axes.plot([low, high], [place, place], "-", color=COLOURS["down"], lw=1.2)
        axes.plot(row["hazard_ratio"], place, "s", ms=4.5, color=COLOURS["down"])
        told = f"{number(row['hazard_ratio'])} ({number(low)} to {number(high)}), p {number(row['p_value'])}"
        axes.annotate(f"{told}, n {row['n']}, {row['events']} events", (1.02, place), ha="left", va="center",
                      xycoords=("axes fraction", "data"), fontsize=wanted.font_points - 1.5)  # fmt: skip
    axes.axvline(1.0, color=COLOURS["muted"], lw=0.8)
    limits = [value for row in rows for value in (row["hazard_ratio"], row["ci_lower"], row["ci_upper"]) if value]
    low, high = frame_of([math.log10(value) for value in limits], 0.0)
    axes.set_xscale("log")
    axes.set_xlim(10**low, 10**high)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10) if low <= math.log10(tick) <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks(places, names, fontstyle="italic" if len(genes) > 1 else "normal")
    axes.set_ylim(-0.7, len(rows) - 0.3)
    scales = sorted({f"{row['model'].replace('_', ' ')}, per unit of {row['expression_scale']}" for row in rows})
    axes.set_xlabel("hazard ratio (log scale)")
    axes.set_title(_wrapped(title, LONGEST_TITLE), loc="left", parse_math=False)
    _plain(axes)
    caption = (
        f"Hazard ratios with 95 % confidence intervals, {title}: Cox models on expression ({'; '.join(scales)}), "
        "each gene alone, p by Wald's test, not adjusted for the number of genes shown."
    )
    return figure, caption


def draw_kaplan_meier(published: Published, wanted: Wanted) -> tuple[Figure, str]:
    """Survival of patients above the median expression of a gene against the rest, with numbers at risk."""
    gene = _gene_with_curve(published, wanted)
    pairs = published.rows(
        f"SELECT DISTINCT cohort_id, endpoint FROM {CURVES} WHERE hgnc_symbol = ? ORDER BY ALL", [gene]
    )
    cohort = _choose("cohort", "--cohort", wanted.cohort, list(dict.fromkeys(row["cohort_id"] for row in pairs)))
    endpoint = _choose(
        "endpoint", "--endpoint", wanted.endpoint, [row["endpoint"] for row in pairs if row["cohort_id"] == cohort]
    )
    rows = published.rows(
        f"SELECT * FROM {CURVES} WHERE hgnc_symbol = ? AND cohort_id = ? AND endpoint = ?"
        " ORDER BY expression_group, time_months",
        [gene, cohort, endpoint],
    )
    figure = _new(wanted, wanted.width_mm * 0.78 + 0.85 * wanted.font_points)
    axes = figure.subplots()
    sizes, deaths = {}, {}
    latest = max(row["time_months"] for row in rows)
    step = next(one for one in (6, 12, 24, 36, 48, 60, 120, 240) if latest / one <= 7 or one == 240)
    ticks = list(range(0, int(latest) + 1, step))
    groups = (("high", "up", "-", 0), ("low", "down", "--", 1))
    for group, role, dash, line in groups:
        own = [row for row in rows if row["expression_group"] == group]
        times = [row["time_months"] for row in own]
        sizes[group], deaths[group] = own[0]["n_at_risk"], sum(row["n_events"] for row in own)
        # Everybody is alive until the first time of the table.
        start = [] if times[0] == 0 else [0.0]
        alive = [1.0] * len(start) + [row["survival"] for row in own]
        axes.step(start + times, alive, where="post", color=COLOURS[role], lw=1.4, ls=dash,
                  label=f"{group} expression (n {sizes[group]}, {deaths[group]} events)")  # fmt: skip
        banded = [row for row in own if row["ci_lower"] is not None]
        axes.fill_between([row["time_months"] for row in banded], [row["ci_lower"] for row in banded],
                          [row["ci_upper"] for row in banded], step="post", alpha=0.13, lw=0,
                          color=COLOURS[role])  # fmt: skip
        lost = [row for row in own if row["n_censored"]]
        axes.plot([row["time_months"] for row in lost], [row["survival"] for row in lost], "|", ms=4, mew=0.7,
                  color=COLOURS[role])  # fmt: skip
        for tick in ticks:
            risk = next((row["n_at_risk"] for row in own if row["time_months"] >= tick), 0)
            axes.annotate(str(risk), (tick, 0), xytext=(0, -(3.9 + 1.3 * line) * wanted.font_points), ha="center",
                          textcoords="offset points", color=COLOURS[role], annotation_clip=False)  # fmt: skip
    axes.annotate("at risk", (0, 0), xytext=(-0.5, -2.6 * wanted.font_points), textcoords="offset points", ha="left",
                  fontsize=wanted.font_points - 1, annotation_clip=False)  # fmt: skip
    axes.set(xlim=(0, latest * 1.02), ylim=(0, 1.03), ylabel="survival", xticks=ticks)
    # Room for two lines of numbers between the axis and its name.
    axes.set_xlabel("months", labelpad=3.9 * wanted.font_points)
    # The names of the curves stand above them: within a narrow figure no corner is free of lines.
    title = published.titles.get(cohort, cohort)
    said_above = _wrapped(f"{gene}: {title}, {endpoint}", LONGEST_TITLE)
    axes.set_title(said_above, loc="left", parse_math=False, pad=3.2 * wanted.font_points)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.1, borderpad=0.1,
                labelspacing=0.2, fontsize=wanted.font_points - 0.5)  # fmt: skip
    _plain(axes)
    test = published.rows(
        f"SELECT p_logrank, hazard_ratio, ci_lower, ci_upper FROM {SCREEN} WHERE hgnc_symbol = ? AND cohort_id = ?"
        " AND endpoint = ? AND model = 'median_split' AND covariates IS NULL",
        [gene, cohort, endpoint],
    )
    said = ""
    if test and test[0]["p_logrank"] is not None:
        one = test[0]
        limits = f"{number(one['ci_lower'])} to {number(one['ci_upper'])}"
        said = (
            f" Log-rank p {number(one['p_logrank'])}; hazard ratio {number(one['hazard_ratio'])} ({limits}), not "
            "adjusted for other genes."
        )
    caption = (
        f"Kaplan-Meier curves of {endpoint} in {title}: patients with {gene} above its median (n {sizes['high']}, "
        f"{deaths['high']} events) and at or below it (n {sizes['low']}, {deaths['low']} events), 95 % bands; ticks "
        f"are censored patients.{said}"
    )
    return figure, caption


def _gene_with_curve(published: Published, wanted: Wanted) -> str:
    if len(wanted.genes) != 1:
        raise UsageFault(f"{len(wanted.genes)} genes are named", subject="--gene", remedy="Add --gene SYMBOL, once.")
    if published.rows(f"SELECT 1 FROM {CURVES} WHERE hgnc_symbol = ? LIMIT 1", [wanted.genes[0]]):
        return wanted.genes[0]
    raise UsageFault(
        "has no stored curve: curves are made of genes of interest", subject=f"--gene {wanted.genes[0]}",
        remedy="Write it into a file and `resistance run --genes FILE`, or into [genes] of_interest of a study.toml.",
    )  # fmt: skip


def draw_heatmap(published: Published, wanted: Wanted) -> tuple[Figure, str]:
    """log2 fold changes of genes over contrasts; a dot is a gene beyond both thresholds of the contrast."""
    genes = list(wanted.genes)
    if not genes:
        rows = published.rows(
            "SELECT hgnc_symbol FROM marts.concordant_genes GROUP BY hgnc_symbol"
            " ORDER BY max(n_studies) DESC, max(n_contrasts) DESC, min(largest_q_value_bh), hgnc_symbol LIMIT ?",
            [max(wanted.top, 2)],
        )
        genes = [row["hgnc_symbol"] for row in rows]
    chosen = wanted.contrast.split(",") if wanted.contrast else None
    rows = published.rows(
        f"SELECT contrast_id, hgnc_symbol, log2_fold_change, in_list, n_numerator, n_denominator, method FROM {GENES}"
        f" WHERE hgnc_symbol IN ({literals(genes) or 'NULL'}) AND log2_fold_change IS NOT NULL ORDER BY contrast_id"
    )
    contrasts = list(dict.fromkeys(row["contrast_id"] for row in rows))
    for one in chosen or ():
        if one not in contrasts:
            raise _unknown("contrast", one, contrasts)
    contrasts = chosen or contrasts
    _missing_genes(wanted.genes, (row["hgnc_symbol"] for row in rows), "any contrast")
    values = {(row["hgnc_symbol"], row["contrast_id"]): row for row in rows}
    means = {
        gene: sum(values[gene, c]["log2_fold_change"] for c in contrasts if (gene, c) in values) / len(contrasts)
        for gene in genes
    }
    genes.sort(key=lambda gene: -means[gene])
    grid = [[values[g, c]["log2_fold_change"] if (g, c) in values else math.nan for c in contrasts] for g in genes]
    # Names of contrasts stand at an angle of 50 degrees; a letter is about 0.56 of its size wide.
    called = {one: _fitting(published.contrast_labels.get(one, one), one, LONGEST_LABEL) for one in contrasts}
    longest = min(LONGEST_LABEL, max(map(len, called.values()), default=0))
    room_mm = longest * 0.56 * wanted.font_points * math.sin(math.radians(50)) / 72 * MM_PER_INCH
    figure = _new(wanted, 12 + room_mm + max(4.2, 0.5 * wanted.font_points) * max(len(genes), 4))
    axes = figure.subplots()
    reach = max((abs(value) for line in grid for value in line if not math.isnan(value)), default=1.0)
    # One stray gene does not make all others pale.
    reach = min(reach, 4.0)
    axes.set_facecolor(COLOURS["grid"])
    image = axes.imshow(grid, cmap="PuOr_r", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest")
    for row, gene in enumerate(genes):
        for column, contrast in enumerate(contrasts):
            found = values.get((gene, contrast))
            if found and found["in_list"]:
                axes.plot(column, row, "o", ms=2.2, color=COLOURS["marked"])
    axes.set_yticks(range(len(genes)), genes, fontstyle="italic")
    axes.set_xticks(range(len(contrasts)), [_short(one, LONGEST_LABEL) for one in called.values()],
                    rotation=50, ha="right", rotation_mode="anchor")  # fmt: skip
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02, extend="both" if reach == 4.0 else "neither")
    bar.set_label("log2 fold change")
    samples = {row["contrast_id"]: f"{arms_in_words(row)}, {row['method']}" for row in rows}
    told = "; ".join(f"{called[c]}: {samples.get(c, 'not measured')}" for c in contrasts)
    return figure, (
        f"log2 fold changes of {len(genes)} genes in {len(contrasts)} contrasts, ordered by their mean; dots: beyond "
        f"both thresholds of the contrast; grey: not measured. Samples and method: {told}."
    )


def draw_upset(published: Published, wanted: Wanted) -> tuple[Figure, str]:
    """Exclusive sizes of the combinations of the lists of a family, largest first."""
    known = [row["family_id"] for row in published.rows(f"SELECT DISTINCT family_id FROM {UPSET} ORDER BY 1")]
    family = _choose("family of lists", "--family", wanted.family, known)
    rows = published.rows(
        f"SELECT list_ids, degree, exclusive_size FROM {UPSET} WHERE family_id = ?"
        " ORDER BY exclusive_size DESC, degree, list_ids LIMIT ?",
        [family, max(wanted.top, 2)],
    )
    members = [row["list_ids"].split("|") for row in rows]
    lists = sorted({name for names in members for name in names})
    sizes = {
        row["list_id"]: row["n_genes"]
        for row in published.rows(
            f"SELECT list_id, n_genes FROM core.gene_lists__lists WHERE list_id IN ({literals(lists)})"
        )
    }
    lists.sort(key=lambda name: (sizes.get(name, 0), name))
    figure = _new(wanted, 45 + 4.5 * len(lists))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[40, 4.5 * len(lists)])
    at = range(len(rows))
    bars = upper.bar(at, [row["exclusive_size"] for row in rows], color=COLOURS["down"], width=0.65)
    upper.bar_label(bars, fontsize=wanted.font_points - 1.5, padding=1)
    upper.set_ylabel("genes on these\nlists alone")
    _plain(upper)
    for row, name in enumerate(lists):
        if row % 2 == 0:
            lower.axhspan(row - 0.5, row + 0.5, color=COLOURS["grid"], alpha=0.5, lw=0)
        lower.plot(list(at), [row] * len(rows), "o", ms=3, color=COLOURS["grid"], zorder=2)
        lower.plot([i for i in at if name in members[i]], [row] * sum(name in one for one in members), "o", ms=4,
                   color=COLOURS["marked"], zorder=4)  # fmt: skip
    for i in at:
        inside = [row for row, name in enumerate(lists) if name in members[i]]
        lower.plot([i, i], [inside[0], inside[-1]], "-", lw=1.2, color=COLOURS["marked"], zorder=3)
    most = LONGEST_LABEL + 8
    called = [_short(_fitting(published.in_words(name), name, most), most) for name in lists]
    told = [f"{label} ({sizes.get(name, 0):,})" for label, name in zip(called, lists, strict=True)]
    lower.set_yticks(range(len(lists)), told)
    lower.set_xticks([])
    lower.set_ylim(-0.6, len(lists) - 0.4)
    lower.spines[["top", "right", "bottom", "left"]].set_visible(False)
    lower.tick_params(length=0)
    total = published.value(f"SELECT count(*) FROM {UPSET} WHERE family_id = ?", [family])
    return figure, (
        f"UpSet plot of the lists of {family}: genes that are on the marked lists and on no other of the family; the "
        f"{len(rows)} largest of {total} combinations. In brackets: size of the list."
    )


KINDS: dict[str, Callable[[Published, Wanted], tuple[Any, str]]] = {
    "volcano": draw_volcano,
    "forest": draw_forest,
    "km": draw_kaplan_meier,
    "heatmap": draw_heatmap,
    "upset": draw_upset,
}
