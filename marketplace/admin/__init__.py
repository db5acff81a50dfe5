# SPDX-License-Identifier: Apache-2.0
"""The marketplace on the staff site."""

from marketplace.admin import catalogue, consortium, offer_changes, people, quotas, sign_ins

__all__ = ["catalogue", "consortium", "offer_changes", "people", "quotas", "sign_ins"]
