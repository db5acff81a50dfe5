# SPDX-License-Identifier: Apache-2.0
"""Grants over the API."""
