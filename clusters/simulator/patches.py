# SPDX-License-Identifier: Apache-2.0
"""JSON Patch, merge patch, strategic merge by known keys, and label and field selectors."""

import copy
import re
from typing import Any

MERGE_KEYS = {
    "containers": "name",
    "conditions": "type",
    "env": "name",
    "ports": "containerPort",
    "tolerations": "key",
}
_SET = re.compile(r"^\s*([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)\s*$")


class PatchError(ValueError):
    """A patch that cannot be applied."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_patch(target: Any, patch: Any, field: str = "") -> Any:
    """Apply a strategic merge: lists with a known merge key are merged by it, others replaced."""
    if isinstance(patch, list) and field in MERGE_KEYS and isinstance(target, list):
        key = MERGE_KEYS[field]
        merged = [copy.deepcopy(item) for item in target]
        for item in patch:
            match = next((i for i, have in enumerate(merged) if have.get(key) == item.get(key)), None)
            if match is None:
                merged.append(copy.deepcopy(item))
            else:
                merged[match] = strategic_patch(merged[match], item)
        return merged
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = strategic_patch(result.get(key), value, key)
    return result


def json_patch(target: Any, operations: list[dict[str, Any]]) -> Any:
    """Apply RFC 6902 (add, remove, replace, test). Raises PatchError."""
    result = copy.deepcopy(target)
    for operation in operations:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        parent = result
        try:
            for part in parts[:-1]:
                parent = parent[int(part)] if isinstance(parent, list) else parent[part]
            _operate(parent, parts[-1], operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise PatchError(f"cannot {operation.get('op')} {operation.get('path')}") from error
    return result


def _operate(parent: Any, last: str, operation: dict[str, Any]) -> None:
    kind, value = operation["op"], operation.get("value")
    if isinstance(parent, list):
        index = len(parent) if last == "-" else int(last)
        if kind == "add":
            parent.insert(index, value)
        elif kind == "remove":
            del parent[index]
        elif kind == "replace":
            parent[index] = value
        return
    if kind in {"remove", "replace", "test"} and last not in parent:
        raise KeyError(last)
    if kind == "test" and parent[last] != value:
        raise PatchError(f"test of {operation['path']} failed")
    if kind == "remove":
        del parent[last]
    elif kind in {"add", "replace"}:
        parent[last] = value


def _requirements(text: str) -> list[str]:
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def labels_match(labels: dict[str, str], selector: str) -> bool:
    """Tell whether ``labels`` satisfy a label selector (equality and set based)."""
    for requirement in _requirements(selector):
        found = _SET.match(requirement)
        if found:
            key, operator, values = found[1], found[2], {value.strip() for value in found[3].split(",")}
            inside = labels.get(key) in values
            if inside is not (operator == "in"):
                return False
            continue
        text = requirement.strip()
        if "!=" in text:
            key, value = text.split("!=", 1)
            if labels.get(key.strip()) == value.strip():
                return False
        elif "=" in text:
            key, value = re.split("==?", text, maxsplit=1)
            if labels.get(key.strip()) != value.strip():
                return False
        elif text.startswith("!"):
            if text[1:].strip() in labels:
                return False
        elif text not in labels:
            return False
    return True


def fields_match(obj: dict[str, Any], selector: str) -> bool:
    """Tell whether an object satisfies a field selector."""
    for requirement in filter(None, selector.split(",")):
        negate = "!=" in requirement
        path, wanted = re.split("!=|==?", requirement, maxsplit=1)
        value: Any = obj
        for part in path.strip().split("."):
            value = (value or {}).get(part) if isinstance(value, dict) else None
        if (str(value or "") == wanted.strip()) is negate:
            return False
    return True
