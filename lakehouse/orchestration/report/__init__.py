"""A run of the main job as people see it: what is collected, how it is printed, the receipt of an export."""
