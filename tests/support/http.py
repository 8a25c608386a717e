"""Single HTTP calls to servers of tests. `httpx.get` would load the certificates of all authorities for each of them:
40 ms."""

from __future__ import annotations

from functools import partial

import httpx

_NONE = httpx.create_ssl_context(verify=False)
get = partial(httpx.get, verify=_NONE)
post = partial(httpx.post, verify=_NONE)
