"""People, their requests, keys, second factors and sessions in Django admin."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.admin import access_requests, api_keys, sign_in, users


def _password_change(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """Lead to the house's own page, which asks for the old password, writes a mail, and is recorded."""
    return redirect("account_change_password")


__all__ = ["access_requests", "api_keys", "sign_in", "users"]

admin.site.site_header = "CXR Platform"
admin.site.site_title = "CXR Platform"
admin.site.index_title = "Administration"
# One sign-in for the whole house, with its rate limits, second factor and audit.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # allauth documents it so
admin.site.password_change = _password_change  # type: ignore[method-assign, assignment]  # as above
# It writes its log entries in bulk, unseen by the audit log; single deletions are recorded.
admin.site.disable_action("delete_selected")
