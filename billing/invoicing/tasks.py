# SPDX-License-Identifier: Apache-2.0
"""Doorbells of invoicing: one call each; every one may run twice."""

from typing import Any

from celery import shared_task

from aion import clock
from aion.actor import system
from billing.invoicing.checks.client import shared_checker
from billing.invoicing.services import issuing, platform, vies


@shared_task(name="invoicing.issue_documents")
def issue_documents(**_: Any) -> int:
    """Issue the drafts that wait."""
    return issuing.issue_waiting(actor=system("invoicing"), at=clock.now(), checks=shared_checker())


@shared_task(name="invoicing.recheck_documents")
def recheck_documents(**_: Any) -> int:
    """Check once more what was issued and not looked at since."""
    return issuing.recheck_issued(at=clock.now(), checks=shared_checker())


@shared_task(name="invoicing.send_documents")
def send_documents(**_: Any) -> int:
    """Hand what passed to the platform."""
    return platform.send_due(at=clock.now(), platform=platform.adapter())


@shared_task(name="invoicing.read_statuses")
def read_statuses(**_: Any) -> int:
    """Keep what the platform tells of documents."""
    return platform.read_statuses(at=clock.now(), platform=platform.adapter())


@shared_task(name="invoicing.report_statuses")
def report_statuses(**_: Any) -> int:
    """Tell the platform what was collected."""
    return platform.report_due(at=clock.now(), platform=platform.adapter())


@shared_task(name="invoicing.ask_vies")
def ask_vies(*, number: str = "", **_: Any) -> int:
    """Ask VIES of one number, or of all whose answers run out."""
    at = clock.now()
    if number:
        return int(vies.ask_one(number=number, at=at, vies=vies.adapter(at=at)) is not None)
    return vies.ask_due(at=at, vies=vies.adapter(at=at))
