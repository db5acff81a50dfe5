# SPDX-License-Identifier: Apache-2.0
"""Kernel and composition root of AION Marketplace."""

from aion.celery import app as celery_app

__all__ = ["celery_app"]
