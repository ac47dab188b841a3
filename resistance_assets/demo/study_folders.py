"""The synthetic laboratory studies, as folders with a `study.toml` such as any laboratory would write.

Here belong the files. What the numbers are belongs in `counts`.
"""

from __future__ import annotations

from collections.abc import Sequence

from resistance_assets.demo.bench import BENCH_STUDIES
from resistance_assets.demo.counts import (
    N_REPLICATES,
    CountTable,
    PublishedRow,
    count_by_paper_reading,
    draw_followed_tumours,
    draw_four_arms,
    draw_paired_tumours,
    draw_published_table,
    draw_resistant_line,
)
from resistance_assets.demo.packing import gzip_stored
from resistance_assets.demo.plan import (
    ARM_RESISTANT,
    PAIRED,
    PARENTAL_TREATED,
    PUBLISHED,
    RESISTANT,
    RESISTANT_TREATED,
    RESPONSE,
    Plan,
    random_stream,
)

_PAIRED_TOML = f"""\
[study]
id = "demo_luad_paired"
title = "Synthetic paired tumour and normal lung (demo)"
organism = "Homo sapiens"
kind = "rna_seq_counts"
licence = "CC0 1.0 (synthetic)"
counts = "counts.tsv.gz"
samples = "samples.tsv"

[[contrast]]
id = "{PAIRED}"
factor = "condition"
numerator = "tumor"
denominator = "normal"
covariates = ["patient_id"]
methods = ["pydeseq2", "limma_voom"]
normalisation = "tmm"
"""

_FOLLOWED_TOML = """\
[study]
id = "demo_luad_followed"
title = "Synthetic lung tumours of a laboratory's own patients, followed (demo)"
organism = "Homo sapiens"
kind = "rna_seq_counts"
licence = "CC0 1.0 (synthetic)"
counts = "counts.tsv.gz"
samples = "samples.tsv"

[survival]
endpoint = "OS"
time_column = "time"
event_column = "event"
unit = "days"
patient_column = "patient_id"
age_column = "age"
sex_column = "sex"
stage_column = "stage"
"""

# The intersection that the study of the resistant line asks for.
SHARED = "demo_resistance_shared"

_RESISTANT_TOML = f"""\
[study]
id = "demo_h1975_resistance"
title = "Synthetic drug-resistant line against its parental line, three cultures each (demo)"
organism = "Homo sapiens"
kind = "rna_seq_counts"
licence = "CC0 1.0 (synthetic)"
counts = "counts.tsv.gz"
samples = "samples.tsv"
cell_line = "NCI-H1975"
laboratory = "demo laboratory A"

[[contrast]]
id = "{RESISTANT}"
factor = "condition"
numerator = "resistant"
denominator = "parental"
methods = ["pydeseq2", "edger_exact"]
drug = "anlotinib"
drug_class = "multi-target TKI"
state = "acquired"

[[intersection]]
id = "{SHARED}"
title = "Up in resistance here and in the published table, and on the cancer gene list"
lists = ["{RESISTANT}__pydeseq2__up", "{PUBLISHED}__published__up", "allonco_may2018"]
universe = "{RESISTANT}__pydeseq2"
"""


def _arm_contrast(contrast_id: str, numerator: str, denominator: str, state: str) -> str:
    return f"""
[[contrast]]
id = "{contrast_id}"
factor = "arm"
numerator = "{numerator}"
denominator = "{denominator}"
methods = ["fold_change", "edger_exact"]
drug = "anlotinib"
drug_class = "multi-target TKI"
state = "{state}"
"""


_FOUR_ARMS_TOML = (
    """\
[study]
id = "demo_h1975_four_arms"
title = "Synthetic parental and resistant line with and without drug, one sample per arm (demo)"
organism = "Homo sapiens"
kind = "rna_seq_counts"
licence = "CC0 1.0 (synthetic)"
counts = "counts.tsv.gz"
samples = "samples.tsv"
cell_line = "NCI-H1975"
laboratory = "demo laboratory B"
reported = {{ {reported} }}
"""
    + _arm_contrast(PARENTAL_TREATED, "PA", "P", "treated")
    + _arm_contrast(ARM_RESISTANT, "R", "P", "acquired")
    + _arm_contrast(RESISTANT_TREATED, "RA", "R", "treated")
    + f"""
[[interaction]]
id = "{RESPONSE}"
factor = "arm"
parental = "P"
parental_treated = "PA"
resistant = "R"
resistant_treated = "RA"
"""
)

_PUBLISHED_TOML = f"""\
[study]
id = "demo_h3122_published"
title = "Synthetic published table, crizotinib-resistant against parental (demo)"
organism = "Homo sapiens"
kind = "deg_result"
licence = "CC0 1.0 (synthetic)"
cell_line = "H3122"
laboratory = "demo laboratory C"

[[contrast]]
id = "{PUBLISHED}"
table = "demo_crizotinib_limma.tsv.gz"
numerator = "H3122_CR"
denominator = "H3122_parental"
drug = "crizotinib"
drug_class = "ALK-TKI"
state = "acquired"
method = "limma (synthetic)"
n_numerator = {N_REPLICATES}
n_denominator = {N_REPLICATES}
columns = {{ feature = "probe", hgnc_symbol = "geneSymbol", entrez_gene_id = "geneID", \
log2_fold_change = "logFC", p_value = "pValue" }}
multi_gene_separator = " /// "
"""

_README = """\
Synthetic study of the demo: every number was drawn at random around planted effects, none was measured.
What was planted stands in ../../truth.json.
"""


def study_files(plan: Plan) -> dict[str, bytes]:
    """Every file of every study: name below `studies/` to content."""
    files: dict[str, bytes] = {}
    four_arms = draw_four_arms(plan)
    reported = ", ".join(f"{name} = {n}" for name, n in count_by_paper_reading(plan, four_arms).items())
    for folder, toml, table in (
        ("demo_luad_paired", _PAIRED_TOML, draw_paired_tumours(plan)),
        ("demo_luad_followed", _FOLLOWED_TOML, draw_followed_tumours(plan)),
        ("demo_h1975_resistance", _RESISTANT_TOML, draw_resistant_line(plan)),
        ("demo_h1975_four_arms", _FOUR_ARMS_TOML.format(reported=reported), four_arms),
    ):
        files |= {
            f"{folder}/study.toml": toml.encode(),
            f"{folder}/README.md": _README.encode(),
            f"{folder}/counts.tsv.gz": gzip_stored(_counts_text(plan.symbols, table)),
            f"{folder}/samples.tsv": _samples_text(table),
        }
    files |= {
        "demo_h3122_published/study.toml": _PUBLISHED_TOML.encode(),
        "demo_h3122_published/README.md": _README.encode(),
        "demo_h3122_published/demo_crizotinib_limma.tsv.gz": gzip_stored(_published_text(draw_published_table(plan))),
    }
    for module in BENCH_STUDIES:
        made = module.files(random_stream(plan.seed, module.FOLDER))
        files |= {f"{module.FOLDER}/{name}": content for name, content in made.items()}
        files[f"{module.FOLDER}/README.md"] = _README.encode()
    return files


def _counts_text(symbols: Sequence[str], table: CountTable) -> bytes:
    header = ["hugo_symbol", *(row["sample_id"] for row in table.sample_sheet)]
    lines = ["\t".join(header)]
    lines.extend(
        "\t".join([symbol, *map(str, row)]) for symbol, row in zip(symbols, table.counts.tolist(), strict=True)
    )
    return ("\n".join(lines) + "\n").encode()


def _samples_text(table: CountTable) -> bytes:
    lines = ["\t".join(table.sample_sheet[0])]
    lines.extend("\t".join(row.values()) for row in table.sample_sheet)
    return ("\n".join(lines) + "\n").encode()


def _published_text(rows: Sequence[PublishedRow]) -> bytes:
    lines = ["\t".join(("probe", "geneSymbol", "geneID", "logFC", "pValue"))]
    lines.extend(
        f"{row.probe}\t{row.symbol}\t{row.entrez_gene_id}\t{row.log2_fold_change:.8g}\t{row.p_value:.8g}"
        for row in rows
    )
    return ("\n".join(lines) + "\n").encode()
