"""The strictest policy that the pages of the console have to live with."""

from django.utils.decorators import async_only_middleware

# Where the console is.
CONSOLE = "/admin/django_durable/"
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "font")),
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)


@async_only_middleware
def strict(get_response):
    """Send the policy along with every page of the console.

    Asynchronous as the server is: in a thread of its own, a request that is cut
    at the wrong moment leaves Django 6.1 unable to end it (asgiref's issue 491).
    """

    async def respond(request):
        response = await get_response(request)
        if request.path.startswith(CONSOLE):
            response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return respond
