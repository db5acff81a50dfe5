# SPDX-License-Identifier: Apache-2.0
"""What invoicing keeps."""

from billing.invoicing.models.documents import Document, DocumentLine

__all__ = ["Document", "DocumentLine"]
