"""Bronze: every delivered row as received, append only."""
