"""The Dagster resource that every asset asks for settings, lake and sources."""

from __future__ import annotations

import dagster as dg

from resistance_assets.defs.resources import Origins, current_registry, open_origins
from resistance_assets.defs.staging.configuration import stage_configuration_once
from resistance_assets.orchestration.lake import Lake, open_lake
from resistance_assets.settings import Settings, load_settings


class WarehouseResource(dg.ConfigurableResource):
    """Lake and sources as the settings say at the moment a step runs."""

    def settings(self) -> Settings:
        return load_settings()

    def lake(self) -> Lake:
        return open_lake(self.settings().data_dir)

    def origins(self) -> Origins:
        settings = self.settings()
        stage_configuration_once(settings, current_registry)
        return open_origins(settings, stages=True)
