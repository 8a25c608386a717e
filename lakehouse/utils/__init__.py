"""Small things about files, processes and text that several rooms need; imports no other room but errors."""
