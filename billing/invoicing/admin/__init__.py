# SPDX-License-Identifier: Apache-2.0
"""Staff pages of invoicing."""

from billing.invoicing.admin import credit_notes, documents, evidence, law

__all__ = ["credit_notes", "documents", "evidence", "law"]
