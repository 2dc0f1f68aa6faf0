"""Addresses of ours that stand before allauth's."""

from django.urls import path

from apps.accounts.views import SignInView

urlpatterns = [path("login/", SignInView.as_view(), name="account_login")]
