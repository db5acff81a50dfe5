# SPDX-License-Identifier: Apache-2.0
"""Reads of settlement."""

from billing.settlement.queries.settlements import lines, settlements, sides

__all__ = ["lines", "settlements", "sides"]
