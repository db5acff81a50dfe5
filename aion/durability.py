# SPDX-License-Identifier: Apache-2.0
"""Locks that go at the commit, and an answer that waits for the disk all the same (ADR 12)."""

from django.db import connection, transaction

# A commit of its own, after the one before it in the log: that it is on disk, by this session's own
# synchronous_commit (a standby's copy included where the operator asks for one), says that the other is too.
ON_DISK = "SELECT pg_logical_emit_message(true, 'aion', '')"


def wait_for_disk_after_commit() -> None:
    """Have the current transaction's end wait until the disk has what it wrote; without one, wait now.

    Call it after what set ``synchronous_commit`` off for the transaction, and before any ``nudge``: what is to happen
    after the commit happens in the order in which it was asked for, so no worker is told of what could still be lost.
    """
    transaction.on_commit(wait_for_disk)


def wait_for_disk() -> None:
    """Wait until all that is committed by now is on disk: for who found it by himself and tells the world outside."""
    with connection.cursor() as cursor:
        cursor.execute(ON_DISK)
