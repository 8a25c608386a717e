"""The lake without an engine: which tables there are, what is in them, what was recorded. Loads no pyspark."""
