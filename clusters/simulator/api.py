# SPDX-License-Identifier: Apache-2.0
"""The verbs of the Kubernetes API over one store: what a request means, without HTTP."""

import copy
import json
import secrets
from datetime import datetime
from typing import Any

from clusters.simulator.controllers import Controllers
from clusters.simulator.patches import (
    PatchError,
    fields_match,
    json_patch,
    labels_match,
    merge_patch,
    strategic_patch,
)
from clusters.simulator.resources import Resource, invalid, unknown_fields
from clusters.simulator.store import Key, Object, Store, stamp

IMMUTABLE_META = ("uid", "creationTimestamp", "generation", "namespace", "name", "deletionTimestamp")


class ApiError(Exception):
    """A Status answer with the code and reason a real server gives."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    def body(self) -> bytes:
        """Return the Status object."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        return json.dumps(status).encode()


class Api:
    """One cluster's API."""

    def __init__(self, store: Store) -> None:
        """Serve ``store``."""
        self.store = store
        with store.lock:
            self.controllers = Controllers(store)
            store.flush()
        self.pages: dict[str, tuple[list[Key], int]] = {}

    def one(self, resource: Resource, namespace: str, name: str) -> Object:
        """Return an object. Raises 404."""
        obj = self.store.get(resource.plural, namespace, name)
        if obj is None:
            raise ApiError(404, "NotFound", f'{resource.plural} "{name}" not found')
        return obj

    def list_page(self, resource: Resource, namespace: str | None, query: dict[str, str]) -> bytes:
        """Answer LIST with selectors and chunks."""
        limit, token = int(query.get("limit") or 0), query.get("continue", "")
        if token:
            if token not in self.pages:
                raise ApiError(410, "Expired", "The provided continue parameter is too old")
            keys, version = self.pages.pop(token)
        else:
            version = self.store.version
            keys = sorted(key for key in self.store.keys(resource.plural, namespace) if self._selected(key, query))
        page, rest = (keys[:limit], keys[limit:]) if limit else (keys, [])
        meta: dict[str, Any] = {"resourceVersion": str(version)}
        if rest:
            meta["continue"] = secrets.token_urlsafe(12)
            meta["remainingItemCount"] = len(rest)
            self.pages[meta["continue"]] = (rest, version)
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta}
        items = b",".join(self.store.raw[key] for key in page if key in self.store.raw)
        return json.dumps(head).encode()[:-1] + b',"items":[' + items + b"]}"

    def _selected(self, key: Key, query: dict[str, str]) -> bool:
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        obj = self.store.objects[key]
        if labels and not labels_match(obj["metadata"].get("labels") or {}, labels):
            return False
        return not fields or fields_match(obj, fields)

    def create(self, resource: Resource, namespace: str, body: Object, query: dict[str, str]) -> Object:
        """Answer POST with generateName, dryRun, strict validation, defaults and admission."""
        self._validate(resource, body, query)
        meta = body.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + secrets.token_hex(3)
        if not meta.get("name"):
            raise ApiError(422, "Invalid", "metadata.name: Required value: name or generateName is required")
        if resource.namespaced:
            meta["namespace"] = namespace
            space = self.store.get("namespaces", "", namespace)
            if space is None:
                raise ApiError(404, "NotFound", f'namespaces "{namespace}" not found')
            if "deletionTimestamp" in space["metadata"]:
                raise ApiError(403, "Forbidden", f"namespace {namespace} is being terminated")
        if self.store.get(resource.plural, namespace, meta["name"]) is not None:
            raise ApiError(409, "AlreadyExists", f'{resource.plural} "{meta["name"]}" already exists')
        _defaults(resource, body)
        if resource.kind == "Pod":
            self._admit_pod(namespace, body)
        if query.get("dryRun") == "All":
            return body
        self.store.create(resource, body)
        self._created(resource, namespace, meta["name"], body)
        return body

    def _validate(self, resource: Resource, body: Object, query: dict[str, str]) -> None:
        if query.get("fieldValidation") == "Strict":
            unknown = unknown_fields(resource, body)
            if unknown:
                fields = ", ".join(f'unknown field "{name}"' for name in unknown)
                raise ApiError(400, "BadRequest", f"strict decoding error: {fields}")
        why = invalid(resource, body)
        if why:
            raise ApiError(422, "Invalid", f"{resource.kind} is invalid: {why}")

    def _admit_pod(self, namespace: str, body: Object) -> None:
        from clusters.simulator.capacity import requests_of

        needs = requests_of(body["spec"])
        why = self.controllers._quota_says(namespace, needs)
        if why:
            raise ApiError(403, "Forbidden", why)
        for key in self.store.keys("limitranges", namespace):
            for limit in self.store.objects[key]["spec"].get("limits") or []:
                for name, top in (limit.get("max") or {}).items():
                    if needs.get(name, 0) > int(top):
                        raise ApiError(403, "Forbidden", f"maximum {name} usage per Container is {top}")
        space = self.store.get("namespaces", "", namespace) or {"metadata": {}}
        labels = space["metadata"].get("labels") or {}
        if labels.get("pod-security.kubernetes.io/enforce") == "restricted" and body["spec"].get("hostNetwork"):
            raise ApiError(403, "Forbidden", "violates PodSecurity restricted: host namespaces (hostNetwork=true)")

    def _created(self, resource: Resource, namespace: str, name: str, body: Object) -> None:
        key: Key = (resource.plural, namespace, name)
        if resource.kind == "Job":
            self.controllers.job_created(key, body)
        elif resource.kind == "Pod":
            self.controllers.schedule(key, body)
        elif resource.kind == "Node":
            self.controllers.capacity.add(body)
            self.controllers.admit_waiting()

    def replace(self, resource: Resource, namespace: str, name: str, body: Object, query: dict[str, str]) -> Object:
        """Answer PUT; a stale resourceVersion is a conflict."""
        current = self.one(resource, namespace, name)
        self._validate(resource, body, query)
        return self._store(resource, current, body, subresource="")

    def patch(
        self,
        resource: Resource,
        target: tuple[str, str, str],
        patch: Any,
        content_type: str,
        query: dict[str, str],
    ) -> Object:
        """Answer PATCH: JSON, merge and strategic merge, on the object or its status."""
        namespace, name, subresource = target
        current = self.one(resource, namespace, name)
        try:
            if "json-patch" in content_type:
                changed = json_patch(current, patch)
            elif "strategic" in content_type:
                changed = strategic_patch(current, patch)
            else:
                changed = merge_patch(current, patch)
        except PatchError as error:
            raise ApiError(422, "Invalid", str(error)) from error
        self._validate(resource, changed, query)
        return self._store(resource, current, changed, subresource=subresource)

    def _store(self, resource: Resource, current: Object, wanted: Object, *, subresource: str) -> Object:
        version = (wanted.get("metadata") or {}).get("resourceVersion")
        if version and version != current["metadata"]["resourceVersion"]:
            message = "the object has been modified; please apply your changes to the latest version and try again"
            raise ApiError(409, "Conflict", message)
        if subresource == "status":
            result = {**copy.deepcopy(current), "status": wanted.get("status") or {}}
        else:
            result = {**wanted, "status": current.get("status") or {}}
            meta = dict(wanted.get("metadata") or {})
            for field in IMMUTABLE_META:
                if field in current["metadata"]:
                    meta[field] = current["metadata"][field]
            if not meta.get("finalizers"):
                meta.pop("finalizers", None)
            if result.get("spec") != current.get("spec"):
                meta["generation"] = current["metadata"].get("generation", 1) + 1
            result["metadata"] = meta
        _defaults(resource, result)
        key: Key = (resource.plural, current["metadata"].get("namespace", ""), current["metadata"]["name"])
        was_suspended = resource.kind == "Job" and bool(current["spec"].get("suspend"))
        stored = self.store.update(resource, result)
        self.controllers.collect(key)
        if resource.kind == "Job" and not was_suspended:
            self.controllers._plan_job(key, result)  # its deadline may have moved
        if was_suspended and not result["spec"].get("suspend"):
            self.controllers.waiting.pop(key, None)
            self.controllers._begin(key, result, None)
        return stored

    def delete(self, resource: Resource, namespace: str, name: str, options: dict[str, Any]) -> Object:
        """Answer DELETE with preconditions, grace periods, finalizers and propagation."""
        obj = self.one(resource, namespace, name)
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted and wanted != obj["metadata"]["uid"]:
            raise ApiError(409, "Conflict", "the UID in the precondition does not match the UID in record")
        key: Key = (resource.plural, namespace, name)
        if resource.kind == "Pod":
            self.controllers.delete_pod(key, obj, force=options.get("gracePeriodSeconds") == 0)
        elif resource.kind == "Job":
            self.controllers.delete_job(key, obj, cascade=options.get("propagationPolicy") != "Orphan")
        elif resource.kind == "Namespace":
            obj["metadata"]["deletionTimestamp"] = stamp(self.store.clock)
            obj["status"] = {"phase": "Terminating"}
            self.store.update(resource, obj)
            self.controllers.empty_namespace(name)
        elif obj["metadata"].get("finalizers"):
            obj["metadata"].setdefault("deletionTimestamp", stamp(self.store.clock))
            self.store.update(resource, obj)
        else:
            self.store.remove(key)
        return obj

    def delete_collection(self, resource: Resource, namespace: str, query: dict[str, str]) -> None:
        """Answer DELETE of a collection."""
        for key in list(self.store.keys(resource.plural, namespace)):
            if self._selected(key, query):
                self.delete(resource, key[1], key[2], {})

    def load_fleet(self, nodes: list[dict[str, Any]]) -> None:
        """Make the nodes that a fleet file describes; a node of the same name is left as it stands."""
        from clusters.simulator.resources import NODES

        for entry in nodes:
            if self.store.get("nodes", "", entry["name"]) is not None:
                continue
            amounts = {key: str(value) for key, value in entry["resources"].items()}
            node: Object = {
                "metadata": {"name": entry["name"], "labels": dict(entry["labels"])},
                "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
                "status": {
                    "capacity": amounts,
                    "allocatable": amounts,
                    "conditions": [_ready(self.store.clock)],
                },
            }
            self.store.create(NODES, node)
            self.controllers.capacity.add(node)
        self.controllers.admit_waiting()


def _ready(at: datetime) -> dict[str, str]:
    return {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": stamp(at)}


def _defaults(resource: Resource, body: Object) -> None:
    if resource.kind == "Namespace":
        body.setdefault("status", {"phase": "Active"})
        labels = body["metadata"].setdefault("labels", {})
        labels.setdefault("kubernetes.io/metadata.name", body["metadata"]["name"])
    elif resource.kind == "ResourceQuota":
        hard = (body.get("spec") or {}).get("hard") or {}
        body["status"] = {"hard": dict(hard), "used": (body.get("status") or {}).get("used") or {}}
    elif resource.kind == "Job":
        spec = body["spec"]
        for name, value in (("parallelism", 1), ("completions", 1), ("backoffLimit", 6), ("suspend", False)):
            spec.setdefault(name, value)
        spec.setdefault("completionMode", "NonIndexed")
        spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/job-name": body["metadata"].get("name", "")}})
        body.setdefault("status", {})
    elif resource.kind == "Pod":
        body["spec"].setdefault("restartPolicy", "Always")
        body["spec"].setdefault("terminationGracePeriodSeconds", 30)
        body.setdefault("status", {}).setdefault("phase", "Pending")
        body["metadata"].setdefault("annotations", {})
