"""What is sent about a customer, and which of it a platform has not."""
