"""Alerts: people are told when a send is in danger, by a webhook and by e-mail."""
