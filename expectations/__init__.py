"""One module per gated table: GATE = the rules of its contract and what a good table means beyond it."""
