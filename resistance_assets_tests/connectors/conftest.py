"""Fixtures for the tests of origins."""

from __future__ import annotations

import pytest

from resistance_assets.connectors.transport.http import LiveTransport
from resistance_assets_tests.loopback import LoopbackHost
from resistance_assets_tests.loopback import loopback as loopback


@pytest.fixture
def waits() -> list[float]:
    """The seconds that a transport was told to wait, which it did not."""
    return []


@pytest.fixture
def public_hosts(loopback: LoopbackHost, tmp_path, waits):
    """A live transport for which every https host is the loopback host: https://NAME/PATH is asked as /NAME/PATH."""
    names = (
        "www.ebi.ac.uk",
        "ftp.ebi.ac.uk",
        "ftp.sra.ebi.ac.uk",
        "ftp.ncbi.nlm.nih.gov",
        "www.ncbi.nlm.nih.gov",
        "eutils.ncbi.nlm.nih.gov",
        "api.gdc.cancer.gov",
        "tcga.xenahubs.net",
        "pantherdb.org",
        "rest.kegg.jp",
        "maayanlab.cloud",
        "media.githubusercontent.com",
        "raw.githubusercontent.com",
        "datahub.assets.cbioportal.org",
        "stringdb-downloads.org",
        "downloads.thebiogrid.org",
        "www.bushmanlab.org",
        "www.oncokb.org",
        "storage.googleapis.com",
        "release.geneontology.org",
    )
    hosts = {f"https://{name}": f"{loopback.url}/{name}" for name in names}
    with LiveTransport(
        tmp_path / "cache", host_map=hosts, sleep=waits.append, requests_per_second=1e9, attempts=3
    ) as transport:
        yield transport
