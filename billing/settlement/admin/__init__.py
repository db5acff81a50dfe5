# SPDX-License-Identifier: Apache-2.0
"""Staff pages of settlement."""

from billing.settlement.admin import agreements, liability, payouts, settlements

__all__ = ["agreements", "liability", "payouts", "settlements"]
