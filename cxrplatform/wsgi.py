"""The WSGI entry, for sites that prefer gunicorn or mod_wsgi."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxrplatform.settings.base")
application = get_wsgi_application()
