"""What proposals of `resistance add` share: where they read from, what they say of drugs, how a file is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from resistance_assets.catalog.toml_files import toml_string
from resistance_assets.errors import CatalogFault, UsageFault

if TYPE_CHECKING:
    from resistance_assets.catalog.registry import Registry
    from resistance_assets.connectors.sample_design import ProposedContrast
    from resistance_assets.connectors.transport.transport import Transport
    from resistance_assets.settings import Settings

DRAFT = ".draft"


def transport_of(settings: Settings) -> Transport:
    """The mirror or the hosts, as the settings say."""
    from resistance_assets.connectors.transport.transport import open_transport

    return open_transport(
        mirror=settings.effective_mirror,
        cache_dir=settings.cache_dir,
        host_map=settings.host_map,
        contact=settings.contact,
    )


def entry_path(settings: Settings, name: str, *, is_sure: bool) -> Path:
    """File of the user's catalog; a draft, which no run reads, where something is left to a person."""
    return settings.data_dir / "catalog" / (f"{name}.toml" if is_sure else f"{name}.toml{DRAFT}")


def drug_classes_of(registry: Registry) -> dict[str, str]:
    """Drug -> its class in the catalog."""
    return {drug: name for name, drugs in registry.drug_classes.items() for drug in drugs}


def drug_lines(contrast: ProposedContrast, classes: Mapping[str, str]) -> list[str]:
    """Drug, its class and the state of a proposed contrast, in TOML."""
    state = toml_string(contrast.state)
    if not contrast.drug:
        # A state names its drug; without one a person has to say which.
        return [f'# drug = "..." and then: state = {state}']
    drug_class = classes.get(contrast.drug)
    return [
        f"drug = {toml_string(contrast.drug)}",
        *([f"drug_class = {toml_string(drug_class)}"] if drug_class else []),
        f"state = {state}",
    ]


def write_entry_file(
    settings: Settings, path: Path, text: str, *, is_sure: bool, known_as: str | None, counted: str, to_do: str
) -> str:
    """Write the file and say whether the catalog with it is good; what was there is kept.

    Args:
        known_as: kind and id of the entry of the catalog that reads the same already.
        counted: what a second entry would count twice, as `study of the same samples`.
        to_do: with a draft.

    Raises:
        UsageFault: the file exists, or the catalog reads the same already.
        DataFault: it cannot be written.
    """
    from resistance_assets.catalog.registry import load_registry
    from resistance_assets.files import replace_file

    if known_as is not None:
        raise UsageFault(
            f"is in the catalog already, as {known_as}",
            subject=path.name.split(".")[0],
            remedy=f"A second {counted} would count them twice: change that entry instead.",
        )
    if path.exists():
        raise UsageFault("exists", subject=str(path), remedy="Edit it, or remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as aside:
        aside.write_text(text, encoding="utf-8")
    if not is_sure:
        return f"{path} is a draft: {to_do}, then remove {DRAFT} from its name"
    try:
        load_registry(own_catalogs=settings.catalog_dirs, sets=settings.sets)
    except CatalogFault as fault:
        return f"{path} is written; correct first: {fault}"
    return f"{path} is written, and the catalog with it is good; next: resistance run"
