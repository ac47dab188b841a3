"""`resistance add`: show what is proposed, ask, and write it, for each kind of accession."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resistance_assets.commands.adding.cohort_entry import PREFIX, propose_cohort, write_cohort
from resistance_assets.commands.adding.run_table import PROJECT, propose_runs, write_runs

if TYPE_CHECKING:
    from resistance_assets.settings import Settings


def add_accession(settings: Settings, name: str, *, yes: bool, dry_run: bool) -> bool:
    """Propose what the name speaks of; whether a run may read it as it is.

    Raises:
        UsageFault, SourceUnavailable, TransportFault, DataFault: as the proposals.
    """
    if name.lower().startswith(PREFIX):
        return _add_cohort(settings, name.lower(), yes=yes, dry_run=dry_run)
    if PROJECT.fullmatch(name.strip().upper()):
        return _add_runs(settings, name.strip().upper(), yes=yes, dry_run=dry_run)
    return _add_study(settings, name, yes=yes, dry_run=dry_run)


def _add_study(settings: Settings, accession: str, *, yes: bool, dry_run: bool) -> bool:
    import typer

    from resistance_assets.commands.add import propose_entry, show_record, write_entry
    from resistance_assets.commands.output.printing import visible

    record, proposal = propose_entry(settings, accession)
    show_record(record, proposal.design)
    if dry_run:
        typer.echo(visible(proposal.text))
    elif yes or typer.confirm(f"Write {proposal.path}?", default=proposal.is_sure, err=True):
        typer.echo(visible(write_entry(settings, proposal)))
    return proposal.is_sure


def _add_cohort(settings: Settings, name: str, *, yes: bool, dry_run: bool) -> bool:
    import typer

    from resistance_assets.commands.output.printing import tell, visible

    proposal = propose_cohort(settings, name)
    for line in proposal.told:
        tell(line)
    for doubt in proposal.unsure:
        tell(f"unsure: {doubt}")
    if dry_run:
        typer.echo(visible(proposal.text))
    elif yes or typer.confirm(f"Write {proposal.path}?", default=proposal.is_sure, err=True):
        typer.echo(visible(write_cohort(settings, proposal)))
    return proposal.is_sure


def _add_runs(settings: Settings, accession: str, *, yes: bool, dry_run: bool) -> bool:
    import typer

    from resistance_assets.commands.output.printing import tell, visible

    proposal = propose_runs(settings, accession)
    titles = dict(proposal.samples.select("sample_id", "title").iter_rows())
    for arm in proposal.design.arms:
        tell(f"arm {arm.id}: {len(arm.samples)} samples ({arm.reason})")
        for sample in arm.samples:
            tell(f"- {sample}: {titles[sample] or 'no title'}")
    for doubt in proposal.design.unsure:
        tell(f"unsure: {doubt}")
    tell("there are reads and no counts; it needs:")
    for line in proposal.needed:
        tell(line)
    if dry_run:
        typer.echo(visible(proposal.text))
    elif yes or typer.confirm(f"Write {proposal.folder}?", default=True, err=True):
        typer.echo(visible(write_runs(proposal)))
    return False
