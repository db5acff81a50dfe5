# SPDX-License-Identifier: Apache-2.0
"""Every form of the portal and every body of the API gets what nobody should send: an answer, never an error of ours.

The forms are read from the pages themselves, and the bodies from the OpenAPI document, so that a new one is tried too.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from aion.tenancy.roles import Role
from tests.isolation.rows import Row, World
from tests.isolation.test_matrix import PATHS, PORTAL, built, insider, path_of, world

__all__ = ["built", "world"]
SERVER_ERROR = 500
TEXTS = [
    "", "x" * 100_000, "👩‍🚀" * 40, "-1", "0", "1e400", "-1e-400", "NaN", "Infinity", str(2**63), "9" * 400,
    "\x00", "a\x00b", "\u202e", "0001-01-01", "9999-12-31", "0001-01-01T00:00", "9999-12-31T23:59", "1,5", "[]",
    "{}", "prj_0000000000000000", "off_0000000000000000",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, 0, -1, 2**63, 2**31, 10**400, 1.5, 1e308, "", "\x00", "\ud800", "x" * 100_000, "NaN", "1e400",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31", [], [[]], {}, [None], ["\x00"], [{}], [2**63],
    {"\x00": {}}, "prj_0000000000000000",
]  # fmt: skip


PAGES = [one for one in PORTAL if (one.method, one.status) == ("get", 200) and one.name != "portal:stream"]


class Forms(HTMLParser):
    """The forms of a page that post: where to, and what is in their fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.fields: dict[str, str] | None = None
        self.select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.fields = {} if given.get("method", "").lower() == "post" else None
            if self.fields is not None:
                self.found.append((given.get("action", ""), self.fields))
        elif self.fields is not None and tag in {"input", "select", "textarea", "button"} and given.get("name"):
            self.select = given["name"] if tag == "select" else ""
            self.fields.setdefault(given["name"], given.get("value", ""))
        elif self.fields is not None and tag == "option" and self.select and "selected" in given:
            self.fields[self.select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.fields = None


def attacks(fields: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield each text in all fields at once, and one text after the other in one field while the rest stay as shown."""
    for text in TEXTS:
        yield dict.fromkeys(fields, text)
    for place, name in enumerate(fields):
        yield {**fields, name: TEXTS[place % len(TEXTS)]}
    yield {name: ["1", "2", "x"] for name in fields}


def answer_of(ask: Callable[[], Any]) -> int:
    """Return how a request is answered, and leave nothing of it."""
    with transaction.atomic():
        status = int(ask().status_code)
        transaction.set_rollback(True)
    return status


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")
@pytest.mark.parametrize("row", PAGES, ids=lambda one: one.name)
def test_no_form_of_a_page_breaks(world: World, row: Row) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.mine.people[insider(row.roles)])
    path = path_of(row, world.mine.organisation.slug, world.things[row.thing])
    page = client.get(path)
    if page.streaming or "html" not in page["Content-Type"]:
        return
    broken = []
    for action, fields in Forms(page.content.decode()).found:
        fields.pop("csrfmiddlewaretoken", None)
        target = action or path
        if not target.startswith("/o/") or not fields:
            continue
        for data in attacks(fields):
            if answer_of(partial(client.post, target, data)) >= SERVER_ERROR:
                broken.append((target, {name: str(value)[:30] for name, value in data.items()}))
    assert broken == []


def bodies(shape: dict[str, Any], schemas: dict[str, Any]) -> Iterator[Any]:
    """Yield each value as the body, in all its properties, and in one while the others are left out."""
    names = list(schemas[shape["$ref"].rsplit("/", 1)[1]].get("properties", ())) if "$ref" in shape else []
    yield from VALUES
    for value in VALUES:
        yield dict.fromkeys(names, value)


def operations() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    generator: Any = SchemaGenerator
    document = generator().get_schema(request=None, public=True)
    return [
        (path, method, body["schema"], document["components"]["schemas"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if (body := operation.get("requestBody", {}).get("content", {}).get("application/json"))
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("path", "method", "shape", "schemas"), operations(), ids=lambda one: one if isinstance(one, str) else ""
)
def test_no_body_breaks_the_api(world: World, api: Any, path: str, method: str, shape: Any, schemas: Any) -> None:
    resource = path.removeprefix("/api/v1/").split("/")[0].split(":")[0]
    thing = next((world.things.get(name, "") for name, where in PATHS.items() if where == resource), "")
    target = path.replace("{id}", thing or "xx_0")
    client = api(world.mine.key(Role.REVIEWER if "review" in path else Role.OWNER))
    client.raise_request_exception = False
    broken = []
    for body in bodies(shape, schemas):
        send = partial(client.generic, method.upper(), target, json.dumps(body), content_type="application/json")
        if answer_of(send) >= SERVER_ERROR:
            broken.append((target, str(body)[:200]))
    assert broken == []
