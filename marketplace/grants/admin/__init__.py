# SPDX-License-Identifier: Apache-2.0
"""Grants on the staff site."""

from marketplace.grants.admin import aid, applications, awards, decisions, programmes, queues, reviews

__all__ = ["aid", "applications", "awards", "decisions", "programmes", "queues", "reviews"]
