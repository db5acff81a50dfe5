# SPDX-License-Identifier: Apache-2.0
"""Reads of settlement."""

from billing.settlement.queries.settlements import lines, owed, settlements, share_in_force, sides

__all__ = ["lines", "owed", "settlements", "share_in_force", "sides"]
