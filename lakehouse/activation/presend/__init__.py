"""Before a send: what was asked for, and how fresh the data has to be."""
