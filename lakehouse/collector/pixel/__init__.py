"""The pixel: the script that pages load to send events, and a demo shop to try it in a browser."""
