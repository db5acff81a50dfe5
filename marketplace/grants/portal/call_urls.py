# SPDX-License-Identifier: Apache-2.0
"""Addresses of calls and applications."""

from django.urls import URLPattern, path

from marketplace.grants.portal import applications, calls, documents, wizard

ONE = "grants/applications/<public_id:public_id>/"
tenant_pages: list[URLPattern] = [
    path("grants/", applications.GrantsView.as_view(), name="grants"),
    path("grants/apply/", applications.ApplyView.as_view(), name="grant_apply"),
    path("grants/files/<public_id:public_id>/", documents.FileView.as_view(), name="grant_file"),
    path("grants/files/<public_id:public_id>/remove/", documents.RemoveFileView.as_view(), name="grant_file_remove"),
    path(ONE, applications.ApplicationView.as_view(), name="application"),
    path(f"{ONE}submit/", applications.SubmitView.as_view(), name="application_submit"),
    path(f"{ONE}withdraw/", applications.WithdrawView.as_view(), name="application_withdraw"),
    *(
        path(f"{ONE}{step}/", wizard.StepView.as_view(step=step), name=f"application_{step}")
        for step in wizard.StepView.forms
    ),
    path(f"{ONE}documents/", documents.DocumentsView.as_view(), name="application_documents"),
    path(f"{ONE}review/", wizard.ReviewView.as_view(), name="application_review"),
]
public_pages: list[URLPattern] = [
    path("grants/", calls.CallsView.as_view(), name="calls"),
    path("grants/<slug:code>/", calls.CallView.as_view(), name="call"),
]
