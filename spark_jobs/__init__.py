"""Spark jobs, one file per table (or kind of table) they write: <layer>_<table>.py with a thin run() and main()."""
