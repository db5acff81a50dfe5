# SPDX-License-Identifier: Apache-2.0
"""Grants on the staff site."""
