"""The HTTP door: whether the daemon is well, and a page that shows how it is."""
