# SPDX-License-Identifier: Apache-2.0
"""Portal pages of procurement."""
