"""Quality gates: what must hold of a table before the next layer may be built from it, and the rows that were set
aside."""
