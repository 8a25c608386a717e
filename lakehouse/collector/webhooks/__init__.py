"""Webhooks of e-mail platforms: signatures, and one parser for each form in which platforms report events."""
