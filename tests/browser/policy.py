"""The strictest policy that the pages of the console have to live with."""

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


def strict(get_response):
    """Send the policy along with every page of the console."""

    def respond(request):
        response = get_response(request)
        if request.path.startswith(CONSOLE):
            response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return respond
