"""Composition: settings, addresses and the Celery application that every process shares."""

from cxrplatform.celery import app as celery_app

__all__ = ("celery_app",)
