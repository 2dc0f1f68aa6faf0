"""Addresses of the pages."""

from django.urls import path
from django.views.generic import TemplateView

app_name = "portal"

urlpatterns = [
    path("", TemplateView.as_view(template_name="portal/help.html"), name="home"),
    path("worklist/", TemplateView.as_view(template_name="portal/help.html"), name="worklist"),
    path("upload/", TemplateView.as_view(template_name="portal/help.html"), name="upload"),
    path("models/", TemplateView.as_view(template_name="portal/help.html"), name="models"),
    path("help/", TemplateView.as_view(template_name="portal/help.html"), name="help"),
    path("account/", TemplateView.as_view(template_name="portal/help.html"), name="account"),
    path("emergency/", TemplateView.as_view(template_name="portal/help.html"), name="break_glass"),
]
