"""The streaming job: from Kafka into bronze, and as hot signals into the profile store."""
