"""Signing in; everything else about accounts is allauth's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.views import LoginView
from django.conf import settings
from django.http import HttpResponse

ADDRESS_COOKIE = "cxr_address"
ADDRESS_AGE = timedelta(days=90)


class SignInView(LoginView):
    """allauth's sign-in, which fills in the e-mail address on a device that was asked to remember it.

    Only the address: a session ends with the browser, after 15 idle minutes, or after 12 hours.
    """

    def get_initial(self) -> dict[str, Any]:
        """Fill in the remembered address."""
        address = self.request.COOKIES.get(ADDRESS_COOKIE, "")
        return {**super().get_initial(), "login": address, "remember_address": bool(address)}

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in, and remember or forget the address."""
        response: HttpResponse = super().form_valid(form)
        if form.cleaned_data["remember_address"]:
            response.set_cookie(
                ADDRESS_COOKIE,
                form.cleaned_data["login"],
                max_age=ADDRESS_AGE,
                path=self.request.path,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Strict",
            )
        else:
            response.delete_cookie(ADDRESS_COOKIE, path=self.request.path, samesite="Strict")
        return response
