# SPDX-License-Identifier: Apache-2.0
"""Names of the acts on webhooks in the audit log."""

from enum import StrEnum


class Action(StrEnum):
    """What can happen to an endpoint and a delivery."""

    ENDPOINT_CREATED = "webhook.created"
    ENDPOINT_UPDATED = "webhook.updated"
    ENDPOINT_DISABLED = "webhook.disabled"
    ENDPOINT_ENABLED = "webhook.enabled"
    ENDPOINT_DELETED = "webhook.deleted"
    SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 - the name of an act
    TEST_SENT = "webhook.test_sent"
    DELIVERY_RESENT = "webhook.resent"
