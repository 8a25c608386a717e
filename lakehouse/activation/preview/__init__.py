"""The preview of a campaign: who gets which mail and why, as a page that is made before anything is sent."""

# Name of the page, in the folder of its export.
PREVIEW = "preview.html"
