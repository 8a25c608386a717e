"""Configuration: settings from the environment, and what may stand in sources.yml, with errors that name file and
line."""
