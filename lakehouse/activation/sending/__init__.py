"""Sending to any platform: within its limits, behind a circuit breaker, an outcome for each row, resumable after a
kill."""
