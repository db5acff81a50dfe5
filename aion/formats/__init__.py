# SPDX-License-Identifier: Apache-2.0
"""Dates as the portal writes them, for the staff admin too: 24 hours, month in letters."""
