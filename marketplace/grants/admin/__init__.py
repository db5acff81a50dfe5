# SPDX-License-Identifier: Apache-2.0
"""Grants on the staff site."""

from marketplace.grants.admin import applications, programmes

__all__ = ["applications", "programmes"]
