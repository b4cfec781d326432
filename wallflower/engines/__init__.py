"""Frames become words: one file a library, and the lane that owns them."""
