# SPDX-License-Identifier: Apache-2.0
"""Invoices that a tax office accepts: VAT, numbers, documents, their checks and their way out."""
