"""A host on 127.0.0.1 in the place of a Kubernetes API server and its nodes, which cannot be had in a test.

It takes only Jobs that Kubernetes' own schema allows, and runs their containers' commands as processes. What a cluster
decides (scheduling, rights, images) is not shown by it.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate


class KubernetesHost:
    """Jobs that were asked for, by name, and the processes that do them.

    Args:
        folder: logs of the containers.
        runs: whether commands are run; else Jobs stay active.
    """

    def __init__(self, folder: Path, *, runs: bool = True) -> None:
        self.folder, self.runs = folder, runs
        self.jobs: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.killed: dict[str, str] = {}
        self.waiting: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen] = {}

    def create(self, job: dict[str, Any]) -> None:
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
        name = job["metadata"]["name"]
        self.jobs[name] = job
        container = job["spec"]["template"]["spec"]["containers"][0]
        # A container has what its image has; here, what the test has, without the settings of the run.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("RESISTANCE_")}
        environment |= {one["name"]: one["value"] for one in container["env"] if "value" in one}
        if self.runs:
            with (self.folder / f"{name}.log").open("w") as log:
                self._processes[name] = subprocess.Popen(container["args"], env=environment, stdout=log, stderr=log)

    def status(self, name: str) -> dict[str, Any]:
        if name in self.killed:
            return {"failed": 1}
        code = self._processes[name].poll() if name in self._processes else None
        return {"active": 1} if code is None else {"succeeded": 1} if code == 0 else {"failed": 1}

    def pods(self, job: str) -> list[dict[str, Any]]:
        ended = {"terminated": {"exitCode": 137, "reason": self.killed[job]}} if job in self.killed else {}
        state = {"waiting": {"reason": self.waiting[job]}} if job in self.waiting else ended
        status = {"name": "dagster", "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        return [{"metadata": {"name": f"{job}-pod"}, "status": {"containerStatuses": [status]}}]

    def log(self, pod: str) -> str:
        path = self.folder / f"{pod.removesuffix('-pod')}.log"
        return path.read_text() if path.exists() else ""

    def delete(self, name: str) -> None:
        self.deleted.append(name)
        if name in self._processes:
            self._processes[name].terminate()

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@contextmanager
def serve(host: KubernetesHost, kubeconfig: Path) -> Iterator[None]:
    """Serve a host for a block, and write a kubeconfig that names it."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def reply(self, document: Any, status: int = 200) -> None:
            body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(document, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                host.create(job)
            except Exception as error:
                self.reply({"kind": "Status", "message": str(error)}, 422)
                return
            self.reply(job, 201)

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            *_, before, last = address.path.strip("/").split("/")
            if last == "pods":
                job = parse_qs(address.query)["labelSelector"][0].removeprefix("job-name=")
                self.reply({"items": host.pods(job)})
            elif last == "log":
                self.reply(host.log(before))
            elif last == "status" and before in host.jobs and before not in host.deleted:
                self.reply({**host.jobs[before], "status": host.status(before)})
            else:
                self.reply({"kind": "Status", "message": "not found"}, 404)

        def do_DELETE(self) -> None:
            *_, kind, name = urlsplit(self.path).path.strip("/").split("/")
            if kind == "jobs":
                host.delete(name)
            self.reply({"kind": "Status", "status": "Success"})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1", "kind": "Config", "current-context": "test",
                "clusters": [{"name": "test", "cluster": {"server": url}}],
                "users": [{"name": "test", "user": {}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )  # fmt: skip
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        host.close()
