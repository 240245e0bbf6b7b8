"""Pages of queues, and the rows of their tables."""

import html
import re
from urllib.parse import urlencode

from django.urls import reverse

QUEUES = reverse("admin:django_durable_queues")
HOME = reverse("admin:app_list", args=["django_durable"])
API = reverse("admin:django_durable_api_queues")
ODD = "a/b@c:d & <i>é?#"


def address(action, name):
    asked = reverse(f"admin:django_durable_queue_{action}")
    return f"{asked}?{urlencode({'queue': name})}"


def rows_of(client, at=QUEUES):
    """Return the cells of a table of queues by their headings, by its names."""
    table = re.search(r"<thead>(.*?)</tbody>", client.get(at).text, re.DOTALL)
    head, *rows = re.findall(r"<tr>(.*?)</tr>", table[1], re.DOTALL)
    headings = re.findall(r"<th[^>]*>(.*?)</th>", head)
    cells = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in rows]
    plain = [
        [html.unescape(re.sub("<.*?>", "", each)) for each in row] for row in cells
    ]
    return {row[0]: dict(zip(headings, row, strict=True)) for row in plain}
