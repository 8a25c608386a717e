"""The platforms that can be simulated, loaded when they are needed."""

from __future__ import annotations

import importlib

from lakehouse.simulators.platform import Platform

PLATFORMS = {
    "braze": "lakehouse.simulators.braze:Braze",
    "customerio": "lakehouse.simulators.customerio:Customerio",
    "iterable": "lakehouse.simulators.iterable:Iterable",
    "klaviyo": "lakehouse.simulators.klaviyo:Klaviyo",
    "listmonk": "lakehouse.simulators.listmonk:Listmonk",
    "listmonk-5": "lakehouse.simulators.listmonk:ListmonkFive",
    "mailchimp": "lakehouse.simulators.mailchimp:Mailchimp",
    "sendgrid": "lakehouse.simulators.sendgrid:SendGrid",
}


def platform_class(name: str) -> type[Platform]:
    """The class of a platform of PLATFORMS."""
    module, _, found = PLATFORMS[name].partition(":")
    loaded: type[Platform] = getattr(importlib.import_module(module), found)
    return loaded
