"""What stands in deploy/, without a container or a cluster: by schema, and by rules of our own where there is none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from resistance_assets.orchestration.dagster.instance_config import INSTANCE_CONFIG
from resistance_assets.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = [one for one in yaml.safe_load_all((DEPLOY / "kubernetes" / "warehouse.yaml").read_text()) if one]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
PLAIN_IMAGE = re.compile(r"[a-z0-9-]+:[a-z0-9.-]+")


@pytest.mark.slow
def test_compose_is_what_the_schema_of_compose_files_allows():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, str(DEPLOY / "compose.yaml")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_not_root_and_cannot_write_to_its_own_files(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert PLAIN_IMAGE.fullmatch(service["image"])
    assert service.get("user", "10001:10001").split(":")[0] != "0"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    secrets = [value for key, value in service["environment"].items() if "PASSWORD" in key]
    assert secrets
    assert all(value.startswith("${DAGSTER_PG_PASSWORD:?") for value in secrets)


def test_files_and_services_that_are_named_are_there():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for configuration in compose["configs"].values():
        assert (DEPLOY / configuration["file"]).is_file()
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
    (location,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    assert location["grpc_server"]["host"] in SERVICES
    assert str(location["grpc_server"]["port"]) in SERVICES["code"]["command"]


def read_dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile: word and rest."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def test_the_image_is_pinned_and_runs_as_another_user_than_root():
    """The rules of hadolint that apply, which is GPL and no dependency."""
    instructions = read_dockerfile()
    words = [word for word, _ in instructions]
    known = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert set(words) <= known, "ADD, MAINTAINER and SHELL are not among them"
    for word, rest in instructions:
        if word == "FROM":
            assert PLAIN_IMAGE.fullmatch(rest.split()[0]), "a plain name with a version"
            assert ":latest" not in rest
        if word == "WORKDIR":
            assert rest.startswith("/")
        if word in ("CMD", "ENTRYPOINT"):
            assert rest.startswith("["), "no shell stands between the program and its signals"
        if word == "RUN":
            assert not re.search(r"\bsudo\b|\bcurl\b|\bwget\b|apt-get|\bcd ", rest)
            if "pip install" in rest:
                assert "--no-deps" in rest
                assert "--require-hashes" in rest or rest.endswith(".")
    last_stage = instructions[len(words) - 1 - words[::-1].index("FROM") :]
    users = [rest for word, rest in last_stage if word == "USER"]
    assert users == ["10001:10001"]
    assert [word for word, _ in last_stage].count("CMD") == 1
    assert ("VOLUME", '["/data"]') in last_stage


def test_the_image_copies_what_the_package_is_built_from_and_nothing_else():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name.rstrip("/") for word, rest in read_dockerfile() if word == "COPY" and "--from" not in rest
              for name in rest.split()[:-1]}  # fmt: skip
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
    lock = (ROOT / "requirements-deploy.lock").read_text()
    assert {"dagster-postgres==", "psycopg2-binary==", "dagster-k8s=="} <= set(re.findall(r"^[a-z0-9-]+==", lock, re.M))
    # The same versions as everywhere else.
    pinned = {name: re.findall(r"^([a-z0-9-]+==[^ ;\n]+)", (ROOT / name).read_text(), re.M)
              for name in ("requirements.lock", "requirements-deploy.lock")}  # fmt: skip
    assert set(pinned["requirements.lock"]) <= set(pinned["requirements-deploy.lock"])


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_a_manifest_is_what_kubernetes_schema_allows(manifest):
    for version in ("1.29", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_pods_are_not_root_name_what_exists_and_take_secrets_from_secrets():
    names = {(one["kind"], one["metadata"]["name"]) for one in MANIFESTS}
    for deployment in (one for one in MANIFESTS if one["kind"] == "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert ("ServiceAccount", pod["serviceAccountName"]) in names
        for volume in pod["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in names
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert PLAIN_IMAGE.fullmatch(container["image"])
        assert all("value" not in one for one in container["env"])
    (settings,) = (one["data"] for one in MANIFESTS if one["kind"] == "ConfigMap")
    fields = {f"RESISTANCE_{name.upper()}" for name in Settings.model_fields}
    assert set(settings) <= fields
    assert settings["RESISTANCE_EXECUTOR"] == "k8s"


def test_values_of_dagsters_chart_make_pods_that_kubernetes_schema_allows():
    """The chart's own schema is no package; of its keys those are held here that the values use."""
    values = yaml.safe_load((DEPLOY / "kubernetes" / "helm-values.yaml").read_text())
    assert set(values) <= {"global", "generatePostgresqlPasswordSecret", "postgresql", "dagster-user-deployments",
                           "runLauncher", "concurrency", "telemetry"}  # fmt: skip
    (code,) = values["dagster-user-deployments"]["deployments"]
    assert set(code) <= {"name", "image", "port", "codeServerArgs", "includeConfigInLaunchedRuns", "envConfigMaps",
                         "envSecrets", "podSecurityContext", "securityContext", "resources", "volumeMounts",
                         "volumes"}  # fmt: skip
    assert set(code["image"]) == {"repository", "tag", "pullPolicy"}
    assert set(values["runLauncher"]["config"]) == {"k8sRunLauncher"}
    container = {
        "name": code["name"],
        "image": f"{code['image']['repository']}:{code['image']['tag']}",
        "args": code["codeServerArgs"],
        "imagePullPolicy": code["image"]["pullPolicy"],
        "ports": [{"containerPort": code["port"]}],
        "envFrom": [*({"configMapRef": one} for one in code["envConfigMaps"]),
                    *({"secretRef": one} for one in code["envSecrets"])],
        **{key: code[key] for key in ("securityContext", "resources", "volumeMounts")},
    }  # fmt: skip
    spec = {"containers": [container], "securityContext": code["podSecurityContext"], "volumes": code["volumes"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "code"}, "spec": spec}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)
    assert code["securityContext"]["readOnlyRootFilesystem"] is True
    assert code["podSecurityContext"]["runAsNonRoot"] is True


def test_dagsters_settings_for_postgres_lack_nothing_and_hold_no_place_or_secret():
    text = (DEPLOY / "dagster-postgres.yaml").read_text()
    found = yaml.safe_load(text)
    assert {*yaml.safe_load(INSTANCE_CONFIG), "storage", "code_servers"} <= set(found)
    database = found["storage"]["postgres"]["postgres_db"]
    for name, value in database.items():
        assert name == "scheme" or list(value) == ["env"], name
    assert found["code_servers"]["local_startup_timeout"] >= 180
    named = {value["env"] for name, value in database.items() if name != "scheme"}
    assert all(named <= set(SERVICES[name]["environment"]) for name in ("code", "webserver", "daemon"))
