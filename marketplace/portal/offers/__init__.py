# SPDX-License-Identifier: Apache-2.0
"""Pages of the catalogue and operators' offers."""
