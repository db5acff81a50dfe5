# SPDX-License-Identifier: Apache-2.0
"""Addresses of people and organisations."""

from django.urls import URLPattern, path

from marketplace.portal.people import account, found, impersonation, settings, team

tenant_pages: list[URLPattern] = [
    path("team/", team.TeamView.as_view(), name="team"),
    path("team/leave/", team.LeaveView.as_view(), name="leave"),
    path("team/<public_id:public_id>/", team.MemberView.as_view(), name="member"),
    path("team/<public_id:public_id>/remove/", team.RemoveMemberView.as_view(), name="member_remove"),
    path("team/<public_id:public_id>/own/", team.OfferOwnershipView.as_view(), name="ownership_offer"),
    path("invitations/<public_id:public_id>/resend/", team.ResendInvitationView.as_view(), name="invitation_resend"),
    path("invitations/<public_id:public_id>/revoke/", team.RevokeInvitationView.as_view(), name="invitation_revoke"),
    path("ownership/<public_id:public_id>/accept/", team.AcceptOwnershipView.as_view(), name="ownership_accept"),
    path("ownership/<public_id:public_id>/end/", team.WithdrawOwnershipView.as_view(), name="ownership_end"),
    path("settings/", settings.SettingsView.as_view(), name="settings"),
    path("settings/close/", settings.CloseView.as_view(), name="close"),
    path("settings/terms/", settings.AcceptTermsView.as_view(), name="terms_accept"),
]
public_pages: list[URLPattern] = [
    path("organisations/new/", found.FoundView.as_view(), name="found"),
    path("invitations/<token:token>/", found.InvitationView.as_view(), name="invitation"),
    path("terms/<slug:kind>/<slug:version>/", found.TermsView.as_view(), name="terms"),
    path("account/export/", account.ExportView.as_view(), name="account_export"),
    path("account/delete/", account.DeleteAccountView.as_view(), name="account_delete"),
    path("look/<public_id:public_id>/", impersonation.LookView.as_view(), name="look"),
    path("look/stop/", impersonation.StopLookingView.as_view(), name="stop_looking"),
    path("support/", found.SupportView.as_view(), name="support"),
]
