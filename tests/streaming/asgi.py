"""What the servers serve."""

from django_durable.streaming.asgi import get_asgi_application

application = get_asgi_application()
