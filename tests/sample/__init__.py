"""Tests of the sample: what it renders is the package's data, always the same, and what is planted in it is written
down."""
