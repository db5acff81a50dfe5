# SPDX-License-Identifier: Apache-2.0
"""A payment processor of its own process, for the demo, development and tests: see docs/payments-sandbox.md.

Nothing in the product imports it and it imports nothing of the product; both speak HTTP, through the official SDK.
"""
