# SPDX-License-Identifier: Apache-2.0
"""Numbers, times and icons as the portal writes them."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from aion import figures
from aion.web import tables

register = template.Library()


for name in (
    "credits",
    "exact_credits",
    "euros",
    "plain_euros",
    "basis_points",
    "gpus",
    "gpu_hours",
    "energy",
    "carbon",
):
    register.filter(name, getattr(figures, name))


@register.filter
def span(seconds: int | None) -> str:
    """Write seconds as days, hours and minutes, the two largest."""
    left = int(seconds or 0)
    if left < 60:
        return ngettext("%(n)s second", "%(n)s seconds", left) % {"n": left}
    parts = []
    for size, text in ((86_400, gettext("%(n)s d")), (3600, gettext("%(n)s h")), (60, gettext("%(n)s min"))):
        count, left = divmod(left, size)
        if count:
            parts.append(text % {"n": figures.number(count)})
    return " ".join(parts[:2])


@register.filter
def between(start: datetime | None, end: datetime | None) -> int:
    """Return whole seconds between two instants."""
    return int((end - start).total_seconds()) if start and end else 0


@register.simple_tag
def when(at: datetime | None) -> SafeString | str:
    """Write an instant as a <time> element in UTC."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" class="tabular">{}</time>',
        local.isoformat(),
        figures.instant(at),
    )


@cache
def _icons() -> Mapping[str, str]:
    folder = settings.BASE_DIR / "static" / "vendor" / "lucide"
    drawn = {path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.svg"))}
    return {name: svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1) for name, svg in drawn.items()}


@register.simple_tag(name="icon")
def inline_icon(name: str) -> SafeString:
    """Inline a vendored lucide icon; decorative, so hidden from screen readers."""
    return mark_safe(_icons().get(name, ""))  # noqa: S308 - vendored file


@register.simple_block_tag(takes_context=True, end_name="end_nav_link")
def nav_link(
    context: Mapping[str, Any], content: SafeString, route: str, slug: str = "", *, icon: str, also: str = ""
) -> SafeString:
    """Link to a page of the menu, the organisation's if it has a ``slug``; ``also`` names the pages that it leads to.

    A tag, not a component: the menu stands on every page twice, and its components took more time than most pages.
    """
    here = context.get("here")
    current = here == route.rpartition(":")[2] or here in also.split()
    pattern = '<a href="{}" aria-current="page">{}{}</a>' if current else '<a href="{}">{}{}</a>'
    return format_html(pattern, reverse(route, args=[slug] if slug else []), inline_icon(icon), content)


@register.simple_block_tag(end_name="end_once")
def once(content: SafeString) -> SafeString:
    """Render what stands in several places of a page once: ``{% once as name %}``, then ``{{ name }}``."""
    return content


@register.simple_tag(takes_context=True)
def query_with(context: Mapping[str, Any], **changes: Any) -> str:
    """Return the present query string with some parameters changed; None drops one."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def page_at(context: Mapping[str, Any], name: str, number: int) -> str:
    """Return the present query string at another page of the list whose pages stand under ``name``."""
    return query_with(context, **{name: number})


# Shared with the staff site: one state has one colour everywhere. A state that is not here is neutral.
STATE_TONES = {
    state: tone
    for tone, states in {
        "success": (
            "active",
            "approved",
            "awarded",
            "delivered",
            "eligible",
            "now",
            "on",
            "paid",
            "published",
            "running",
            "succeeded",
            "won",
        ),
        "info": (
            "admitted",
            "checked",
            "confirmed",
            "in_review",
            "offered",
            "open",
            "panel",
            "pending",
            "processing",
            "proposed",
            "queued",
            "ranked",
            "requested",
            "review",
            "sending",
            "starting",
            "submitted",
        ),
        "warning": (
            "budget_exhausted",
            "declined",
            "draft",
            "expired",
            "partly",
            "preempted",
            "returned",
            "stopping",
            "timed_out",
            "waiting",
            "withdrawn",
        ),
        "danger": ("discarded", "failed", "frozen", "ineligible", "lost", "mismatch", "refused", "rejected"),
    }.items()
    for state in states
}


@register.filter
def state_tone(state: str) -> str:
    """Return the tone of a state: colour only ever backs a word."""
    return STATE_TONES.get(state, "neutral")


@register.filter
def percent_of(part: int, whole: int) -> int:
    """Return a whole percentage between 0 and 100."""
    return max(0, min(100, int(100 * part / whole))) if whole else 0


STATE_WORDS = {
    "queued": _("Queued"),
    "admitted": _("Admitted"),
    "starting": _("Starting"),
    "running": _("Running"),
    "stopping": _("Stopping"),
    "succeeded": _("Succeeded"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
    "timed_out": _("Timed out"),
    "budget_exhausted": _("Budget exhausted"),
    "preempted": _("Preempted"),
    "pending": _("Pending"),
    "delivered": _("Delivered"),
    "on": _("On"),
    "off": _("Off"),
    "draft": _("Draft"),
    "open": _("Open"),
    "review": _("Review"),
    "panel": _("Panel"),
    "decided": _("Decided"),
    "closed": _("Closed"),
    "submitted": _("Submitted"),
    "ineligible": _("Not eligible"),
    "eligible": _("Eligible"),
    "in_review": _("In review"),
    "ranked": _("Ranked"),
    "awarded": _("Awarded"),
    "refused": _("Refused"),
    "withdrawn": _("Withdrawn"),
    "assigned": _("Assigned"),
    "accepted": _("Accepted"),
    "conflict": _("Conflict of interest"),
    "active": _("Active"),
    "reported": _("Report handed in"),
    "returned": _("Returned"),
    "approved": _("Approved"),
    "rejected": _("Rejected"),
    "proposed": _("Proposed"),
    "published": _("Published"),
    "confirmed": _("Confirmed"),
    "ended": _("Ended"),
    "created": _("Begun"),
    "processing": _("On its way"),
    "paid": _("Paid"),
    "expired": _("Expired"),
    "mismatch": _("Other amount"),
    "waiting": _("Waiting"),
    "sending": _("Being sent"),
    "won": _("Won"),
    "lost": _("Lost"),
    "checked": _("Checked once"),
    "offered": _("Offered"),
    "declined": _("Declined"),
}
REASON_WORDS = {
    "no_capacity": _("waiting for free capacity"),
    "site_unreachable": _("the site does not answer; we keep trying"),
    "refused_by_site": _("the site refused it"),
    "pulling_image": _("pulling the image"),
    "image_error": _("the image cannot be pulled"),
    "stopped_by_user": _("stopped by a member"),
    "organisation_frozen": _("the organisation is frozen"),
    "max_duration_exceeded": _("maximum duration reached"),
    "node_failure": _("a node failed; billed until it was lost"),
    "exited_with_error": _("ended with an error"),
    "preempted": _("gave its place to work on demand"),
    "lost": _("the site no longer knows it"),
}
LEVEL_WORDS = {
    "EEA_RESIDENT": _("EEA resident"),
    "EU_RESIDENT": _("EU resident"),
    "EU_OPERATED": _("EU operated"),
    "EU_OWNED": _("EU owned"),
    "SECNUMCLOUD": _("SecNumCloud"),
}
GROUP_WORDS = {
    "day": _("Day"),
    "hour": _("Hour"),
    "project": _("Project"),
    "sku": _("GPU"),
    "site": _("Site"),
    "member": _("Member"),
    "workload": _("Workload"),
}
ORIGIN_WORDS = {
    "grant": _("Grant"),
    "promo": _("Promotion"),
    "goodwill": _("Goodwill"),
    "purchase": _("Purchase"),
}


@register.filter
def state_word(state: str) -> str:
    """Write a workload's state."""
    return str(STATE_WORDS.get(state, state))


@register.filter
def reason_word(reason: str) -> str:
    """Write why a workload is in its state."""
    return str(REASON_WORDS.get(reason, reason))


@register.filter
def level_word(policy: str) -> str:
    """Write a residency policy."""
    name, plus, rest = policy.partition("+")
    return f"{LEVEL_WORDS.get(name, name)}{plus}{rest}"


@register.filter
def group_word(group: str) -> str:
    """Write what usage is summed by."""
    return str(GROUP_WORDS.get(group, group))


@register.filter
def origin_word(origin: str) -> str:
    """Write where credit came from."""
    return str(ORIGIN_WORDS.get(origin, origin))


@register.filter
def as_control(field: BoundField) -> SafeString:
    """Render a form field's widget with the portal's style and its error state."""
    attributes: dict[str, str | bool] = {"class": "control"}
    if field.errors:
        attributes["aria-invalid"] = "true"
    return field.as_widget(attrs=attributes)


@register.filter
def labelled(table: SafeString) -> SafeString:
    """Name the column on each cell of a table, for phones."""
    return mark_safe(tables.labelled(table))  # noqa: S308 - the rows of a template, with names that are escaped


@register.filter
def stacks(table: SafeString) -> SafeString:
    """Write the attribute of a table that phones show as cards."""
    return SafeString(" data-stacks" if tables.stacks(table) else "")
