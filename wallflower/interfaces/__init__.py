"""The doors: how others reach what this box hears. The rooms in here do not import each other."""
