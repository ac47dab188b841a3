"""Cohort, endpoint and GDC project (`studies.toml`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from resistance_assets.catalog.models.entry import Entry, Identifier


class Endpoint(Entry):
    """A time-to-event endpoint of a cohort and the vendor's columns that hold it.

    `months_attribute` holds the time in the cohort's `time_unit`. `same_as`: the endpoint that the cohort named in
    `patients_of` calls otherwise and defines alike.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,4}$")]
    title: str
    status_attribute: str
    months_attribute: str
    same_as: str | None = None


DAYS_TO_MONTHS = 12 / 365.25

AlterationRule = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*(:(any|mutation|amplification|deep_loss|fusion))?$")
]


ScreenModel = Literal[
    "continuous", "rank_normal", "median_split", "quartile_split", "continuous_adjusted", "rank_normal_adjusted"
]


class Stratum(Entry):
    """Patients of a cohort in whom every survival screen is repeated.

    Attributes:
        altered: `GENE` or `GENE:class` (mutation, amplification, deep_loss, fusion); patients with any of them.
        unaltered: likewise; patients with none of them, of those in whom they were looked for.
        attribute, values: a clinical attribute of the vendor, a column of the study's sheet, or one of our own (sex,
            stage_group), and the values that are in the stratum.
        min_patients, min_events: below one of them an endpoint is not analysed in the stratum.
        screens: models by which every gene is screened, those of `core.survival__cohort_endpoint_genes`. The further
            ones cost as much again as all of the default: a split at the quartiles permutes where groups are small,
            and the adjusted models hold the covariates of `[survival] screen_covariates`.
    """

    id: Identifier
    title: str
    altered: tuple[AlterationRule, ...] = ()
    unaltered: tuple[AlterationRule, ...] = ()
    attribute: str | None = None
    values: tuple[str, ...] = ()
    min_patients: int = Field(default=20, ge=2)
    min_events: int = Field(default=10, ge=1)
    screens: tuple[ScreenModel, ...] = ("continuous", "rank_normal", "median_split")

    @model_validator(mode="after")
    def _has_a_rule(self) -> Stratum:
        if not (self.altered or self.unaltered or self.attribute):
            raise ValueError("a stratum needs altered, unaltered, or attribute with values")
        if (self.attribute is None) != (not self.values):
            raise ValueError("attribute and values are given together")
        return self

    @property
    def rule(self) -> str:
        """The rule in words."""
        parts = [f"altered: {', '.join(self.altered)}"] if self.altered else []
        parts += [f"not altered: {', '.join(self.unaltered)}"] if self.unaltered else []
        parts += [f"{self.attribute} is {' or '.join(self.values)}"] if self.attribute else []
        return "; ".join(parts)


class Cohort(Entry):
    """Patients with endpoints and tumour expression, from one study archive, or from a matrix and a table of follow-up.

    Attributes:
        source: of the archive, or of the matrix.
        endpoint_source: of the table of follow-up, where that is a file of its own.
        patients_of: the cohort whose patients these are, seen through another source. What pools cohorts takes one
            cohort of a set of patients, so that nobody is counted twice.
        expression_profiles: the first that the archive holds is analysed.
        z_score_profiles, log2_copy_number_profiles, protein_profiles, methylation_profiles: further matrices of the
            archive that are loaded.
        sample_type_codes: of samples whose ids end in a code of TCGA.
        sample_types: values of the attribute `SAMPLE_TYPE` that are analysed where ids bear no such code. Without them,
            samples that it calls normal, a metastasis, a recurrence, a xenograft or a line are left out.
        time_unit: of the times of the endpoints.
        sequenced_megabases: coding bases that were sequenced, for mutations per megabase.
        stratum: patients in whom the survival screens are repeated.
        treated_with: drugs or classes of drugs that all patients were given: their survival is predictive of
            resistance to these. Without it survival is prognostic.
    """

    id: Identifier
    title: str
    source: Identifier
    endpoint_source: Identifier | None = None
    patients_of: Identifier | None = None
    expression_profiles: tuple[str, ...] = Field(min_length=1)
    copy_number_profile: str | None = None
    z_score_profiles: tuple[str, ...] = ()
    log2_copy_number_profiles: tuple[str, ...] = ()
    protein_profiles: tuple[str, ...] = ()
    methylation_profiles: tuple[str, ...] = ()
    time_unit: Literal["days", "months"] = "months"
    sample_type_codes: tuple[str, ...] = ("01",)
    sample_types: tuple[str, ...] = ()
    age_attribute: str | None = None
    sex_attribute: str | None = None
    stage_attribute: str | None = None
    purity_attribute: str | None = None
    sequenced_megabases: float | None = Field(default=None, gt=0)
    stratum: tuple[Stratum, ...] = ()
    treated_with: tuple[str, ...] = ()
    endpoint: tuple[Endpoint, ...] = Field(min_length=1)

    @property
    def patient_set(self) -> str:
        """The cohort that these patients are counted under."""
        return self.patients_of or self.id

    @property
    def months_per_unit(self) -> float:
        """Months of 365.25 / 12 days."""
        return DAYS_TO_MONTHS if self.time_unit == "days" else 1.0


class Project(Entry):
    """A project of the Genomic Data Commons: gene counts of tumours and normal tissue, and what the clinic reports.

    `patients_of`: the cohort whose patients these are.
    """

    id: Identifier
    title: str
    project: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+-[A-Z0-9-]+$")]
    counts_source: Identifier
    clinical_source: Identifier
    patients_of: Identifier | None = None

    @property
    def patient_set(self) -> str:
        """The cohort that these patients are counted under."""
        return self.patients_of or self.id
