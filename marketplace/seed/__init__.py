# SPDX-License-Identifier: Apache-2.0
"""What the demo starts with: the consortium, its sites and pools, a price list and people."""
