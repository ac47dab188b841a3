"""Runs whose dear steps are Jobs of Kubernetes, over an API server of the test's own that checks them by schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from resistance_assets.errors import UsageFault
from resistance_assets.orchestration.dagster.executors import job_handler, kubernetes
from resistance_assets.orchestration.dagster.executors.by_settings import queue_of
from resistance_assets.orchestration.jobs.queue import JobRequest, JobState
from resistance_assets.settings import load_settings
from resistance_assets_tests.orchestration.dagster.executors.kubernetes_host import KubernetesHost, serve
from resistance_assets_tests.orchestration.dagster.executors.world import (
    build,
    settings_of_world,
    versions_of,
    write_world,
)  # fmt: skip

CONFIG = Path(__file__).resolve().parents[4] / "deploy" / "kubernetes" / "job-config.yaml"
REQUEST = JobRequest(("core.x", "core.y"), "6f1c", 3, 3_000_000_000, 30)


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Iterator[KubernetesHost]:
    """A host that takes Jobs and does not run them, and the settings that name it."""
    host = KubernetesHost(tmp_path, runs=False)
    monkeypatch.setattr(kubernetes, "ASK_SECONDS", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("RESISTANCE_EXECUTOR", "k8s")
    monkeypatch.setenv("RESISTANCE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("RESISTANCE_K8S_IMAGE", "resistance-warehouse:0.1.0")
    monkeypatch.setenv("RESISTANCE_K8S_KUBECONFIG", str(tmp_path / "kubeconfig"))
    with serve(host, tmp_path / "kubeconfig"):
        yield host


def test_a_job_is_what_the_schema_allows_and_carries_no_secret(cluster, monkeypatch):
    monkeypatch.setenv("RESISTANCE_K8S_CONFIG", str(CONFIG))
    monkeypatch.setenv("RESISTANCE_K8S_VOLUME_CLAIM", "resistance-data")
    monkeypatch.setenv("RESISTANCE_ALERT_WEBHOOK", "https://hidden.example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("RESISTANCE_HOST_MAP", '{"https://a.example": "https://us:hidden@cache.example"}')
    settings = load_settings()
    name = queue_of(settings).submit(REQUEST)
    job = cluster.jobs[name]
    assert "hidden" not in str(job)
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] == 1800
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == "resistance-warehouse:0.1.0"
    assert container["args"][-4:] == ["core.x", "core.y", "--run-id", "6f1c"]
    assert container["resources"] == {"limits": {"memory": "2862Mi"}, "requests": {"cpu": "1", "memory": "2862Mi"}}
    assert {"name": "data", "mountPath": str(settings.data_dir)} in container["volumeMounts"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "resistance-data"}} in spec["volumes"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["envFrom"]


def test_the_state_of_a_job_says_what_it_was_killed_for(cluster):
    queue = queue_of(load_settings())
    job = queue.submit(REQUEST)
    assert queue.look([job]) == {job: JobState(False, "active")}
    assert queue.answers(job) == ""
    cluster.waiting[job] = "ContainerCreating"
    assert queue.look([job]) == {job: JobState(False, "active")}
    cluster.waiting[job] = "ImagePullBackOff"
    assert queue.look([job]) == {job: JobState(False, "active", hindrance="ImagePullBackOff")}
    del cluster.waiting[job]
    cluster.killed[job] = "OOMKilled"
    assert queue.look([job]) == {job: JobState(True, "OOMKilled", "memory")}
    queue.cancel([job])
    assert cluster.deleted == [job]
    assert queue.look([job]) == {job: JobState(True, "deleted")}


def test_what_keeps_a_run_from_a_cluster_is_told_before_it_begins(cluster, monkeypatch, tmp_path):
    monkeypatch.setenv("RESISTANCE_K8S_KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(UsageFault, match=r"no cluster is configured.*RESISTANCE_K8S_KUBECONFIG"):
        queue_of(load_settings())
    monkeypatch.delenv("RESISTANCE_K8S_IMAGE")
    with pytest.raises(UsageFault, match="no image is named"):
        queue_of(load_settings())
    monkeypatch.setenv("RESISTANCE_K8S_IMAGE", "x")
    monkeypatch.setenv("RESISTANCE_K8S_KUBECONFIG", str(tmp_path / "kubeconfig"))
    (tmp_path / "own.yaml").write_text("containers: 3")
    monkeypatch.setenv("RESISTANCE_K8S_CONFIG", str(tmp_path / "own.yaml"))
    with pytest.raises(UsageFault, match=r"own\.yaml: cannot be read"):
        queue_of(load_settings())


@pytest.mark.slow
def test_jobs_of_a_cluster_build_what_one_process_builds(cluster, tmp_path, monkeypatch):
    cluster.runs = True
    world = write_world(tmp_path / "world")
    given = {name: value for name, value in os.environ.items() if name.startswith("RESISTANCE_K8S_")}
    with settings_of_world(world, tmp_path / "data"):
        os.environ.update(given, RESISTANCE_EXECUTOR="k8s")
        monkeypatch.setattr(job_handler, "LOOK_SECONDS", 0.5)
        done = build()
    with settings_of_world(world, tmp_path / "here"):
        expected = build()
    assert versions_of(tmp_path / "data") == versions_of(tmp_path / "here")
    assert (done.outcomes, done.messages) == (expected.outcomes, expected.messages)
    assert cluster.jobs
