"""Kafka as its clients see it: where the broker is and how to log in, and which topics there are."""
