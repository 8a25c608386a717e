"""Great Expectations: suites, expectations and Data Docs. Importing these modules takes seconds, so gates do it
late."""
