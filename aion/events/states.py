# SPDX-License-Identifier: Apache-2.0
"""States of a delivery and of a mail, and the moves between them. No Django."""

from collections.abc import Mapping
from enum import StrEnum


class DeliveryState(StrEnum):
    """One event on its way to one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class MailState(StrEnum):
    """One mail to one person. ``unconfirmed`` may have gone out, so it is never sent again."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    DROPPED = "dropped"


class DisabledBy(StrEnum):
    """Who switched an endpoint off: what staff switched off, only staff switch on."""

    NOBODY = ""
    MEMBER = "member"
    RECEIVER = "receiver"
    STAFF = "staff"


DELIVERY_MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.PENDING}),
    DeliveryState.FAILED: frozenset({DeliveryState.PENDING}),
}
_M = MailState
MAIL_MOVES: Mapping[MailState, frozenset[MailState]] = {
    _M.PENDING: frozenset({_M.SENDING}),
    _M.SENDING: frozenset({_M.PENDING, _M.SENT, _M.FAILED, _M.UNCONFIRMED, _M.DROPPED}),
    _M.SENT: frozenset(),
    _M.FAILED: frozenset(),
    _M.UNCONFIRMED: frozenset({_M.SENT}),
    _M.DROPPED: frozenset(),
}
