"""`lakehouse repair`: what a damaged table can be made from again, and making it."""
