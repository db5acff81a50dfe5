# SPDX-License-Identifier: Apache-2.0
"""The usage export as a download."""

from typing import ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from aion import clock
from aion.actor import Scope
from aion.errors import Rejected
from aion.web.downloads import download
from aion.web.views import ActorView
from billing import export


class FocusView(ActorView):
    """The export of ``?from=2026-05-01&to=2026-06-01``; without dates, of this month."""

    scope = Scope.USAGE_READ
    form: ClassVar[str]

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Stream the file; for a period that is none, go back to the usage page and say what is wrong with it."""
        try:
            period = export.period_of(request.GET.get("from", ""), request.GET.get("to", ""), at=clock.now())
        except Rejected as error:
            said = {"field": error.field, "detail": error.detail}
            messages.error(request, _("Nothing was exported: the period is not valid (%(field)s). %(detail)s") % said)
            return redirect("portal:usage", slug=self.organisation.slug)
        pieces = export.export_pieces(self.actor, period=period, form=self.form)
        name = export.file_name(period, self.form)
        return download(request, pieces, name=name, content_type=export.content_type(self.form))


class FocusCsvView(FocusView):
    """As CSV."""

    form = "csv"


class FocusParquetView(FocusView):
    """As Parquet."""

    form = "parquet"
