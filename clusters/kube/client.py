# SPDX-License-Identifier: Apache-2.0
"""The official Kubernetes client behind our gateway; the only module that imports it.

Reads are taken as raw JSON: validating every field of every pod costs a millisecond each and tells us nothing.
Writes are validated by the server (``fieldValidation=Strict``), so a typo is refused instead of dropped.
"""

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from clusters.errors import ClusterUnavailable, HistoryExpired, RefusedByCluster
from clusters.kube import manifests
from clusters.kube.gateway import Change, JobSeen, NamespaceSpec, NodeSeen, PodSeen, Snapshot, Watched
from clusters.kube.readers import read_job, read_node, read_pod

TIMEOUT = (3.0, 10.0)
ATTEMPTS = 3
CHUNK = 500
QUOTA_WAIT_SECONDS = 10.0
# A watch is silent until something happens, so only its own end tells a dead connection from a quiet cluster.
WATCH_SLACK_SECONDS = 5.0
KUEUE = ("kueue.x-k8s.io", "v1beta2")


class KubernetesGateway:
    """A cluster reached over HTTP(S)."""

    def __init__(self, *, api_url: str, ca_pem: str = "", credential_ref: str = "") -> None:
        """Prepare a client; no call is made. The token is read from the environment, never stored."""
        configuration = client.Configuration()
        configuration.host = api_url
        configuration.retries = False
        if ca_pem:
            with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
                file.write(ca_pem)
            configuration.ssl_ca_cert = str(Path(file.name))
        token = os.environ.get(credential_ref, "") if credential_ref else ""
        if token:
            configuration.api_key = {"authorization": f"Bearer {token}"}
        api = client.ApiClient(configuration)
        self._core, self._batch = client.CoreV1Api(api), client.BatchV1Api(api)
        self._network, self._custom = client.NetworkingV1Api(api), client.CustomObjectsApi(api)

    def ensure_queue(self, *, name: str, resource: str, quota: str) -> None:
        """See ClusterGateway."""
        for priority in manifests.PRIORITIES:
            made = manifests.priority_class(name=priority)
            self._create(self._custom.create_cluster_custom_object, *KUEUE, "workloadpriorityclasses", made)
        body = manifests.cluster_queue(name=name, resource=resource, quota=quota)
        if not self._create(self._custom.create_cluster_custom_object, *KUEUE, "clusterqueues", body):
            self._call(
                self._custom.patch_cluster_custom_object,
                *KUEUE,
                "clusterqueues",
                name,
                {"spec": {"preemption": body["spec"]["preemption"]}},
                strict=True,
                _content_type="application/merge-patch+json",
            )

    def ensure_namespace(self, spec: NamespaceSpec) -> None:
        """See ClusterGateway. Quota is enforced from ``status.hard``, so that is waited for."""
        body = manifests.namespace(name=spec.name, labels=dict(spec.labels))
        self._create(self._core.create_namespace, body)
        quota = manifests.resource_quota(gpu_quota=dict(spec.gpu_quota))
        if not self._create(self._core.create_namespaced_resource_quota, spec.name, quota):
            self._call(
                self._core.patch_namespaced_resource_quota,
                "aion",
                spec.name,
                {"spec": quota["spec"]},
                strict=True,
            )
        self._create(self._network.create_namespaced_network_policy, spec.name, manifests.network_policy())
        queue = manifests.local_queue(queue=spec.queue)
        self._create(self._custom.create_namespaced_custom_object, *KUEUE, spec.name, "localqueues", queue)
        self._await_quota(spec.name, quota["spec"]["hard"])

    def create_job(self, *, namespace: str, manifest: dict[str, Any]) -> None:
        """See ClusterGateway."""
        self._create(self._batch.create_namespaced_job, namespace, manifest)

    def extend_job(self, *, namespace: str, name: str, deadline_seconds: int) -> None:
        """See ClusterGateway."""
        body = {"spec": {"activeDeadlineSeconds": deadline_seconds}}
        self._ignore_missing(self._batch.patch_namespaced_job, name, namespace, body, strict=True)

    def delete_job(self, *, namespace: str, name: str) -> None:
        """See ClusterGateway."""
        self._ignore_missing(self._batch.delete_namespaced_job, name, namespace, propagation_policy="Background")

    def release_pod(self, *, namespace: str, name: str) -> None:
        """See ClusterGateway."""
        body = {"metadata": {"finalizers": None}}
        self._ignore_missing(
            self._core.patch_namespaced_pod,
            name,
            namespace,
            body,
            _content_type="application/merge-patch+json",
        )

    def snapshot(self) -> Snapshot:
        """See ClusterGateway. Nodes come first: the answer's Date is then no later than what the pods show.

        Jobs come last: a Job is asked after its pods, so that it never seems over before they do.
        """
        date, nodes = None, {}
        for at, item in self._listed(self._core.list_node):
            date = date or at
            node: NodeSeen = read_node(item)
            nodes[node.name] = node
        pods: list[PodSeen] = [
            read_pod(item)
            for _, item in self._listed(self._core.list_pod_for_all_namespaces, label_selector=manifests.LABEL_WORKLOAD)
        ]
        jobs: list[JobSeen] = [
            read_job(item)
            for _, item in self._listed(
                self._batch.list_job_for_all_namespaces, label_selector=manifests.LABEL_WORKLOAD
            )
        ]
        if date is None:
            raise ClusterUnavailable("The cluster lists no node.")
        return Snapshot(date, nodes, pods, jobs)

    def version(self, kind: Watched) -> str:
        """See ClusterGateway. One item is listed: any page tells the version of the whole."""
        page = json.loads(self._call(self._lister(kind), limit=1, label_selector=manifests.LABEL_WORKLOAD).data)
        return str(page["metadata"]["resourceVersion"])

    def watch(self, kind: Watched, *, since: str, seconds: int) -> Generator[Change, None, None]:
        """See ClusterGateway."""
        response = self._open(
            self._lister(kind),
            (TIMEOUT[0], seconds + WATCH_SLACK_SECONDS),
            watch=True,
            resource_version=since,
            allow_watch_bookmarks=True,
            timeout_seconds=seconds,
            label_selector=manifests.LABEL_WORKLOAD,
        )
        try:
            for line in _lines(response):
                yield _change(json.loads(line))
        except (HTTPError, OSError, ValueError) as error:
            raise ClusterUnavailable(f"The watch was cut: {type(error).__name__}.") from error
        finally:
            response.close()

    def _lister(self, kind: Watched) -> Callable[..., Any]:
        if kind is Watched.PODS:
            return self._core.list_pod_for_all_namespaces
        return self._batch.list_job_for_all_namespaces

    def _listed(self, method: Callable[..., Any], **selectors: Any) -> Iterator[tuple[datetime, dict[str, Any]]]:
        token: str | None = None
        while True:
            more: dict[str, Any] = {"_continue": token} if token else {}
            response = self._call(method, limit=CHUNK, **selectors, **more)
            page = json.loads(response.data)
            date = response.headers.get("Date")
            at = parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)
            for item in page.get("items") or []:
                yield at, item
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return

    def _await_quota(self, namespace: str, hard: dict[str, str]) -> None:
        deadline = time.monotonic() + QUOTA_WAIT_SECONDS
        pause = threading.Event()
        while True:
            quota = json.loads(self._call(self._core.read_namespaced_resource_quota, "aion", namespace).data)
            if (quota.get("status") or {}).get("hard") == hard:
                return
            if time.monotonic() > deadline:
                raise ClusterUnavailable(f"The quota of {namespace} is not in force yet.")
            pause.wait(0.05)

    def _create(self, method: Callable[..., Any], *arguments: Any) -> bool:
        try:
            self._call(method, *arguments, strict=True)
        except RefusedByCluster as error:
            if error.details.get("reason") == "AlreadyExists":
                return False
            raise
        return True

    def _ignore_missing(self, method: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        try:
            self._call(method, *arguments, **keywords)
        except RefusedByCluster as error:
            if error.details.get("reason") != "NotFound":
                raise

    def _call(self, method: Callable[..., Any], *arguments: Any, strict: bool = False, **keywords: Any) -> Any:
        """Call with a time-out and a bounded retry of faults; every write of ours is idempotent by name."""
        if strict:
            keywords["field_validation"] = "Strict"
        pause = threading.Event()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._open(method, TIMEOUT, *arguments, **keywords)
                response.data  # noqa: B018 - reads the body inside the time-out
                return response
            except ClusterUnavailable as error:
                if attempt == ATTEMPTS or isinstance(error, HistoryExpired):
                    raise
            except (HTTPError, OSError) as error:
                if attempt == ATTEMPTS:
                    raise ClusterUnavailable(_silence(error)) from error
            pause.wait(0.1 * 2**attempt)
        raise AssertionError("unreachable")

    def _open(self, method: Callable[..., Any], timeout: tuple[float, float], *arguments: Any, **keywords: Any) -> Any:
        """Call once and return the answer with its body unread."""
        try:
            response = method(*arguments, _request_timeout=timeout, _preload_content=False, **keywords)
            if response.status >= 400:
                raise _fault(response.status, response.data)
        except ApiException as error:
            raise _fault(error.status or 0, error.body or "") from error
        except (HTTPError, OSError) as error:
            raise ClusterUnavailable(_silence(error)) from error
        return response


def _silence(error: Exception) -> str:
    return f"The cluster did not answer: {type(error).__name__}."


def _lines(response: Any) -> Iterator[bytes]:
    """Yield whole lines as they arrive; what a cut connection left unfinished is dropped."""
    rest = b""
    for piece in response.stream(amt=None, decode_content=False):
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(None, lines)


def _change(event: dict[str, Any]) -> Change:
    """Read one watch event. Raises what an ERROR event stands for."""
    item = event.get("object") or {}
    if event.get("type") == "ERROR":
        raise _fault(int(item.get("code") or 500), json.dumps(item))
    return Change((item.get("metadata") or {}).get("resourceVersion", ""), event.get("type") == "BOOKMARK")


def _fault(status: int, body: str | bytes) -> ClusterUnavailable | RefusedByCluster:
    try:
        answer = json.loads(body)
    except (ValueError, TypeError):
        answer = {}
    message = str(answer.get("message") or f"HTTP {status}")[:280]
    if status == 410:
        return HistoryExpired(message, status=status)
    if status == 429 or status >= 500 or status == 0:
        return ClusterUnavailable(message, status=status)
    return RefusedByCluster(message, status=status, reason=str(answer.get("reason", "")))
