"""The platforms that can be simulated, loaded when they are needed."""

from __future__ import annotations

import importlib

from lakehouse.simulators.platform import Platform

PLATFORMS = {
    "braze": "lakehouse.simulators.braze:Braze",
    "klaviyo": "lakehouse.simulators.klaviyo:Klaviyo",
    "mailchimp": "lakehouse.simulators.mailchimp:Mailchimp",
    "sendgrid": "lakehouse.simulators.sendgrid:SendGrid",
}


def platform_class(name: str) -> type[Platform]:
    """The class of a platform of PLATFORMS."""
    module, _, found = PLATFORMS[name].partition(":")
    loaded: type[Platform] = getattr(importlib.import_module(module), found)
    return loaded
