# SPDX-License-Identifier: Apache-2.0
"""Ringing the bell: the row is the queue, a lost message is repaired by a sweep."""

from typing import Any

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)


def nudge(task_name: str, /, **kwargs: Any) -> None:
    """Send the task ``task_name`` by name once the transaction has committed; a dead broker loses only speed."""

    def send() -> None:
        try:
            current_app.send_task(task_name, kwargs=kwargs, retry=False)
        except Exception as error:  # noqa: BLE001 - the sweeper does the work; refusing the customer would be worse
            log.warning("nudge lost", task=task_name, error=type(error).__name__)

    transaction.on_commit(send)
