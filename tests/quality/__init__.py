"""Gates, their results and quarantine."""
