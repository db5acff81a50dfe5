# SPDX-License-Identifier: Apache-2.0
"""Grants: programmes, calls, applications, reviews, decisions, awards, reports and state aid."""
