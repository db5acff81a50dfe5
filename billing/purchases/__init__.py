# SPDX-License-Identifier: Apache-2.0
"""Credit that is bought: by card, direct debit or transfer, and what can happen to such a payment."""
