"""One matrix of a study at a time, whatever its rows are."""

from __future__ import annotations

import pytest

from resistance_assets.connectors.cbioportal.profiles import list_profiles, read_profile
from resistance_assets.connectors.transport.transport import FailureKind, Resource, failure_kind
from resistance_assets.errors import DataFault, SourceUnavailable, TransportFault
from resistance_assets_tests.connectors.cbioportal.test_alterations import RPPA, study
from resistance_assets_tests.loopback import Reply


def test_profiles_are_listed_without_their_matrices(tmp_path):
    profiles = list_profiles(study(tmp_path))
    assert {"mutations", "structural_variants", "rppa", "methylation"} <= set(profiles)
    assert profiles["rppa"]["data_filename"] == "data_rppa.txt"


def test_a_matrix_of_antibodies_and_one_of_genes(tmp_path):
    archive = study(tmp_path)
    rppa = read_profile(archive, "rppa")
    assert (rppa.by_gene, rppa.wide.rows()) == (
        False,
        [("AXL|AXL", "AXL", 0.5, None), ("EGFR|EGFR_pY1068", "EGFR", -1.25, 2.0)],
    )
    assert rppa.rejected["line"].to_list() == [4]
    probes = read_profile(archive, "methylation")
    assert probes.wide.rows() == [("cg01", "GAS6", 0.25)]
    by_gene = study(tmp_path, data_rppa__txt="Hugo_Symbol\tP1-01\tP2-01\nAXL\t0.5\tNA\n")
    genes = read_profile(by_gene, "rppa")
    assert (genes.by_gene, genes.wide.rows()) == (True, [("AXL", None, 0.5, None)])


def test_a_profile_that_is_not_there_or_no_matrix_is_unavailable(tmp_path):
    archive = study(tmp_path)
    with pytest.raises(SourceUnavailable, match="holds no matrix log2CNA"):
        read_profile(archive, "log2CNA")
    with pytest.raises(SourceUnavailable, match="holds no matrix mutations"):
        read_profile(archive, "mutations")
    with pytest.raises(DataFault, match=r"data_rppa\.txt, line 2, .*sample P1-01: 'high' is not a number"):
        read_profile(study(tmp_path, data_rppa__txt=RPPA.replace("0.5", "high")), "rppa")
    missing = study(tmp_path, data_rppa__txt=None)
    with pytest.raises(DataFault, match=r"data_filename 'data_rppa\.txt' is not in the archive"):
        read_profile(missing, "rppa")


@pytest.mark.parametrize(
    ("reply", "fault", "kind"),
    [
        (Reply(status=403), SourceUnavailable, FailureKind.REFUSED_OR_GONE),
        (Reply(b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"), TransportFault, None),
        (Reply(b"version https://git-lfs.github.com/spec/v1\noid sha256:de8e\nsize 73411929\n"), TransportFault, None),
    ],
)
def test_the_datahub_refuses_by_name(public_hosts, loopback, reply, fault, kind):
    url = "https://datahub.assets.cbioportal.org/luad.tar.gz"
    loopback.script(url.replace("https:/", ""), reply)
    with pytest.raises(fault) as caught:
        public_hosts.fetch(Resource(url, content="tar.gz"))
    expected = kind or (FailureKind.STORAGE_ERROR_XML if b"<Error>" in reply.body else FailureKind.GIT_LFS_POINTER)
    assert failure_kind(caught.value) is expected
