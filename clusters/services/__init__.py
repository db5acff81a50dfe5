# SPDX-License-Identifier: Apache-2.0
"""Driving clusters."""
