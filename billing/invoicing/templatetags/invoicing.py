# SPDX-License-Identifier: Apache-2.0
"""How pages write invoices."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.invoicing import words
from billing.invoicing.models import Document

register = template.Library()


@register.filter
def signed(document: Document, field: str) -> int:
    """Return an amount of a document in cents, negative where it goes back to the buyer."""
    return int(getattr(document, field)) * document.sign


@register.filter
def unlocalised(value: int) -> str:
    """Write a year: a number without thousands."""
    return str(value)


@register.simple_tag
def document_state(document: Document) -> SafeString:
    """Write a document's state as a customer sees it."""
    tone, word = words.STATES[document.state]
    return format_html('<span class="status" data-tone="{}">{}</span>', tone, word)
