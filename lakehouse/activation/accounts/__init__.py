"""Accounts at e-mail platforms: conf/destinations.yml and the limits that hold for each."""
