# SPDX-License-Identifier: Apache-2.0
"""API of settlement."""
