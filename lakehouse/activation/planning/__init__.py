"""The plan of a send for people: how much would be sent, how long it takes, whether it is ready in time."""

# Name of the file, beside the manifest of its export.
PLAN = "plan.json"
