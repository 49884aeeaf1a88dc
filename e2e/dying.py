"""Settings of a product that dies when it is asked to: the web process kills itself once the
transaction of a request is committed, and before its answer leaves. For tests alone."""

import os
import signal

from config import settings as product

globals().update({name: getattr(product, name) for name in dir(product) if name.isupper()})
ASKED = "X-Die-Before-Answering"
MIDDLEWARE = ["e2e.dying.Dies", *product.MIDDLEWARE]


class Dies:
    """Stands outside all others, so that whatever a request did is done when it comes here."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if ASKED in request.headers:
            os.kill(os.getpid(), signal.SIGKILL)
        return response
