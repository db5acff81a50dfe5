# SPDX-License-Identifier: Apache-2.0
"""Quotes, framework agreements and purchase orders of public and other buyers."""
