"""Shared by tests of several rooms: reading and comparing lakes, running the pipeline on a home of its own."""
