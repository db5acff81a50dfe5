# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of the money core: small faults, one at a time, that some test must notice."""
