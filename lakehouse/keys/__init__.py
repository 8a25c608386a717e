"""API keys of the collector and of the profile API: made, listed, revoked and checked."""
