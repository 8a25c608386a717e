"""Profiles that are read while mails are rendered: the stores, the rule which write counts, and the API."""
