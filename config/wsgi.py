"""The web application, as granian or gunicorn serves it."""

import gc
import os

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver


class PlainRequest(WSGIRequest):
    """A request whose `Content-Type` cannot be read, or whose address not as it says, is made all
    the same, and then refused by `config.requests.PlainRequestMiddleware`: Django would fail before
    anything could answer."""

    has_readable_type = True

    def _set_content_type_params(self, meta):
        try:
            super()._set_content_type_params(meta)
        except (ValueError, SuspiciousOperation):
            self.content_type, self.content_params, self._encoding = "", {}, None
            self.has_readable_type = False


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
application.request_class = PlainRequest
# All pages are loaded now: nobody's first request waits for it. And what is there for good
# is left out of the search for garbage, which would take a tenth of a second in somebody's request.
get_resolver().url_patterns  # noqa: B018
gc.collect()
gc.freeze()
