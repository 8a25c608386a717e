"""Pure functions from rows to rows (or to SQL over rows): no session, no path, no clock, no Delta."""
