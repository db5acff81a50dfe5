# SPDX-License-Identifier: Apache-2.0
"""Staff pages of invoicing."""
