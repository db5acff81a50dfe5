# SPDX-License-Identifier: Apache-2.0
"""The marketplace on the staff site."""

from marketplace.admin import catalogue, people

__all__ = ["catalogue", "people"]
