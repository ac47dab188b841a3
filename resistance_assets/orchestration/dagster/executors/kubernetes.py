"""A Kubernetes cluster as a queue of jobs, over dagster-k8s: a Job per group of steps, its answers read from its log.

A pod computes with the image and the volume of the run. Credentials come to it as to the run: by `env_from` of a Secret
in the file that RESISTANCE_K8S_CONFIG names, never as text of a Job.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Mapping
from typing import Any

from resistance_assets.errors import DataFault, UsageFault
from resistance_assets.orchestration.jobs.queue import JobRequest, JobState, environment_of_job
from resistance_assets.settings import Settings

ASK_SECONDS = 2.0
"""Between two readings of one log."""

VOLUME = "data"
# What a container waits for that comes by itself.
_ORDINARY = ("ContainerCreating", "PodInitializing")
_WITH_PASSWORD = re.compile(r"://[^/\s]*@")


class KubernetesQueue:
    """Jobs of the namespace that the settings name.

    Args:
        settings: `job_cores`, and those that begin with `k8s_`.

    Raises:
        UsageFault: dagster-k8s is not installed, no image is named, or no cluster is configured.
    """

    name = "Kubernetes"

    def __init__(self, settings: Settings) -> None:
        try:
            import kubernetes.config
            from dagster_k8s.client import DagsterKubernetesClient
        except ImportError:
            raise _fault("dagster-k8s is not installed", 'Install "resistance-warehouse[k8s]".') from None
        if settings.k8s_image is None:
            raise _fault("no image is named", "Set RESISTANCE_K8S_IMAGE to the image of deploy/Dockerfile.")
        try:
            if settings.k8s_kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
                kubernetes.config.load_incluster_config()
            else:
                kubernetes.config.load_kube_config(str(settings.k8s_kubeconfig) if settings.k8s_kubeconfig else None)
        except Exception as error:
            raise _fault(
                f"no cluster is configured ({' '.join(str(error).split())})",
                "Run in a pod of the cluster, or set RESISTANCE_K8S_KUBECONFIG.",
            ) from None
        self._settings = settings
        self._client = DagsterKubernetesClient.production_client()
        self._own = _own_configuration(settings)
        self._read: dict[str, tuple[float, str]] = {}

    def submit(self, request: JobRequest) -> str:
        job = self.job_of(request)
        try:
            self._client.create_namespaced_job_with_retries(body=job, namespace=self._settings.k8s_namespace)
        except Exception as error:
            raise DataFault(
                f"the cluster refused a job: {' '.join(str(error).split())}",
                subject="Kubernetes",
                remedy="Check RESISTANCE_K8S_NAMESPACE, RESISTANCE_K8S_CONFIG and the rights of the service account.",
            ) from None
        return str(job.metadata.name)

    def job_of(self, request: JobRequest) -> Any:
        """The Job as it is sent: `kubernetes.client.V1Job`."""
        from dagster_k8s.container_context import K8sContainerContext
        from dagster_k8s.job import (
            DagsterK8sJobConfig,
            UserDefinedDagsterK8sConfig,
            construct_dagster_k8s_job,
            get_k8s_job_name,
        )  # fmt: skip

        settings = self._settings
        environment = environment_of_job(settings, os.environ, request, settings.job_cores)
        # What names places of this machine, or may be a credential, is the image's and the Secret's affair.
        sent = {
            name: value
            for name, value in environment.items()
            if (name.startswith("RESISTANCE_") or "THREADS" in name) and not _WITH_PASSWORD.search(value)
        }
        size = {"cpu": str(settings.job_cores), "memory": f"{-(-request.memory_bytes // 1024**2)}Mi"}
        claim = settings.k8s_volume_claim
        context = K8sContainerContext(
            service_account_name=settings.k8s_service_account,
            namespace=settings.k8s_namespace,
            image_pull_policy="IfNotPresent",
            resources={"requests": size, "limits": {"memory": size["memory"]}},
            volumes=[{"name": VOLUME, "persistent_volume_claim": {"claim_name": claim}}] if claim else [],
            volume_mounts=[{"name": VOLUME, "mount_path": str(settings.data_dir)}] if claim else [],
            run_k8s_config=UserDefinedDagsterK8sConfig.from_dict(
                {"job_spec_config": {"backoff_limit": 0, "active_deadline_seconds": request.minutes * 60}}
            ),
        ).merge(self._own)
        return construct_dagster_k8s_job(
            job_config=DagsterK8sJobConfig(job_image=settings.k8s_image, dagster_home=None),
            args=request.command,
            job_name=f"resistance-{get_k8s_job_name(request.run_id, str(request.number))}",
            component="step_worker",
            user_defined_k8s_config=context.run_k8s_config,
            labels={"resistance/run": request.run_id, "resistance/first-step": request.names[0]},
            env_vars=[{"name": name, "value": value} for name, value in sorted(sent.items())],
        )

    def answers(self, job: str) -> str:
        read_at, text = self._read.get(job, (0.0, ""))
        if time.monotonic() - read_at < ASK_SECONDS:
            return text
        namespace = self._settings.k8s_namespace
        try:
            pods = self._client.get_pod_names_in_job(job, namespace)
            text = "".join(self._client.retrieve_pod_logs(pod, namespace, container_name="dagster") for pod in pods)
        except Exception:
            # A pod that has not begun has no log yet; what was read before stays.
            pass
        self._read[job] = (time.monotonic(), text)
        return text[: text.rfind("\n") + 1]

    def look(self, jobs: Collection[str]) -> Mapping[str, JobState] | None:
        try:
            return {job: self._state(job) for job in jobs}
        except Exception:
            return None  # the cluster does not answer now

    def _state(self, job: str) -> JobState:
        namespace = self._settings.k8s_namespace
        status = self._client.get_job_status(job_name=job, namespace=namespace)
        if status is None:
            return JobState(True, "deleted")
        reasons = [one.reason for one in status.conditions or [] if one.type == "Failed" and one.reason]
        hindrances = []
        for pod in self._client.get_pods_in_job(job, namespace):
            hindrances += [
                one.reason
                for one in pod.status.conditions or []
                if one.type == "PodScheduled" and one.status == "False" and one.reason
            ]
            for container in pod.status.container_statuses or []:
                ended = container.state.terminated if container.state else None
                if ended is not None and ended.reason:
                    reasons.append(ended.reason)
                waiting = container.state.waiting if container.state else None
                if waiting is not None and waiting.reason and waiting.reason not in _ORDINARY:
                    hindrances.append(waiting.reason)
        told = ", ".join(dict.fromkeys(reasons))
        if "OOMKilled" in reasons:
            return JobState(True, told, "memory")
        if "DeadlineExceeded" in reasons:
            return JobState(True, told, "time")
        is_over = bool(status.succeeded or status.failed)
        hindrance = None if is_over else ", ".join(dict.fromkeys(hindrances)) or None
        return JobState(is_over, told or ("active" if status.active else "waiting"), hindrance=hindrance)

    def cancel(self, jobs: Collection[str]) -> None:
        for job in jobs:
            try:
                self._client.delete_job(job_name=job, namespace=self._settings.k8s_namespace)
            except Exception:
                continue  # its deadline ends it

    def forget(self, job: str) -> None:
        """The Job stays as long as its time to live, for people to look at."""
        self._read.pop(job, None)

    def log(self, job: str) -> str:
        return f"kubectl logs --namespace {self._settings.k8s_namespace} job/{job}"


def _own_configuration(settings: Settings) -> Any:
    """What the file of the settings lays over Jobs: dagster-k8s's `container_config`, `pod_spec_config` and so on."""
    import yaml
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import UserDefinedDagsterK8sConfig

    if settings.k8s_config is None:
        return K8sContainerContext()
    try:
        given = yaml.safe_load(settings.k8s_config.read_text(encoding="utf-8")) or {}
        # dagster-k8s passes over what it does not know.
        if unknown := set(given) - set(UserDefinedDagsterK8sConfig._fields):
            raise ValueError(f"{min(unknown)} is none of its tables")
        return K8sContainerContext(run_k8s_config=UserDefinedDagsterK8sConfig.from_dict(given))
    except Exception as error:
        raise UsageFault(
            f"cannot be read ({' '.join(str(error).split())})",
            subject=f"RESISTANCE_K8S_CONFIG {settings.k8s_config}",
            expected="the form of dagster-k8s: container_config, pod_spec_config, job_spec_config",
            remedy="Compare it with deploy/kubernetes/job-config.yaml.",
        ) from None


def _fault(problem: str, remedy: str) -> UsageFault:
    return UsageFault(problem, subject="RESISTANCE_EXECUTOR=k8s", remedy=remedy)
