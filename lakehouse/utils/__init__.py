"""Small things about files, processes and text that several rooms need; they import no other room than errors."""
