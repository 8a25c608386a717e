"""Every rule of every gate, on both engines."""
