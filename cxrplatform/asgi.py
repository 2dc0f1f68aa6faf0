"""The ASGI entry: uvicorn serves this."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxrplatform.settings.base")
application = get_asgi_application()
