"""Alerts of this warehouse: what the catalog knows and the settings say, brought together for refresh and daemon."""

from __future__ import annotations

from collections.abc import Iterable

from resistance_assets.catalog.registry import Registry
from resistance_assets.orchestration.messages import Channels
from resistance_assets.orchestration.source_log import parse_age
from resistance_assets.settings import Settings
from resistance_assets.warehouse.alerts import Alert, Told, current_alerts, tell_alerts


def channels_of(settings: Settings) -> Channels:
    """Where the settings send alerts to."""
    return Channels(
        webhook=settings.alert_webhook.get_secret_value() if settings.alert_webhook else None,
        form=settings.alert_form,
        recipients=settings.alert_email,
        smtp=settings.alert_smtp.get_secret_value() if settings.alert_smtp else None,
        sender=settings.alert_sender,
    )


def raise_alerts(settings: Settings, registry: Registry, events: Iterable[Alert] = ()) -> Told | None:
    """Tell what is wrong, through the channels of the settings; None where there are none.

    Args:
        settings: of the command or the daemon.
        registry: names the sources, and the studies that were left out.
        events: what happened just now, such as a run that failed.
    """
    channels = channels_of(settings)
    if not channels.any:
        return None
    told: dict[str, list[str]] = {}
    for folder, fault in registry.study_faults:
        told.setdefault(folder.name, []).append(str(fault))
    faults = {name: " ".join(found) for name, found in told.items()}
    alerts = current_alerts(
        settings.data_dir, study_faults=faults, sources=set(registry.sources), max_age=parse_age(settings.max_age)
    )
    return tell_alerts(settings.data_dir, [*alerts, *events], channels)
