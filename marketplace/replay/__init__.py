# SPDX-License-Identifier: Apache-2.0
"""Replaying a trace of a real GPU cluster through the services that production uses."""
