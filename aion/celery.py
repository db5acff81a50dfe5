# SPDX-License-Identifier: Apache-2.0
"""The Celery application. Messages are doorbells: the work is found in PostgreSQL."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aion.settings")
app = Celery("aion")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Settings have configured logging; Celery must not replace it."""
