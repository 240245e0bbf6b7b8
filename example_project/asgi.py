import os
from importlib.util import find_spec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

if find_spec("channels"):
    from django_durable.streaming.asgi import get_asgi_application
else:
    from django.core.asgi import get_asgi_application

application = get_asgi_application()
