"""The engine as a client sees it: a session, guarded work, and the Delta writes. Importing this package loads no
pyspark."""
