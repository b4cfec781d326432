"""One life for everything that is listened to."""
