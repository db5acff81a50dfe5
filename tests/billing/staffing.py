# SPDX-License-Identifier: Apache-2.0
"""Members of staff with a second factor, and how they press buttons."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from aion.tenancy.models import User
from tests.worlds import make_user

SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=30)


def make_staff(name: str, **fields: Any) -> tuple[Client, User]:
    user = make_user(f"{name}@aion.example", is_staff=True, **{"is_superuser": True, **fields})
    client = Client()
    client.force_login(user)
    return client, user


def address(model: str, page: str = "changelist", *arguments: Any) -> str:
    return reverse(f"admin:billing_{model}_{page}", args=arguments)


def words(response: Any) -> list[str]:
    """Return what staff are told: messages, and of a page that has come back, why."""
    said = [str(message) for message in get_messages(response.wsgi_request)]
    asked = response.status_code == 200 and response.context is not None and "act" in response.context
    return [*said, *refusals(response)] if asked else said


def split(name: str, at: datetime) -> dict[str, str]:
    return {f"{name}_0": f"{at:%Y-%m-%d}", f"{name}_1": f"{at:%H:%M:%S}"}


def refusals(response: Any) -> list[str]:
    """Return why a page that asks first has come back."""
    return [str(text) for texts in response.context["form"].errors.values() for text in texts]


def press(client: Client, model: str, act: str, pk: Any, *, of: str = "billing", **data: Any) -> list[str]:
    """Confirm an act on a row's own page and return what the next page says: of a refusal, the same page."""
    path = reverse(f"admin:{of}_{model}_{act}_one", args=[pk])
    asked = client.get(path)
    assert asked.status_code == 200, asked
    answer = client.post(path, {"confirmed": "yes", **data})
    if answer.status_code == 200:
        return refusals(answer)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    return words(answer)
