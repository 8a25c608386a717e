"""Consent: the firewall before the wire, and refusals that are newer than gold."""
