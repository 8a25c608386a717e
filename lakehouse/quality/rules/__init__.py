"""What must hold of a table: rules as SQL aggregates with a bound and a sentence. No Great Expectations here."""
