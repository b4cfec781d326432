"""Checkpoints become what each engine reads, on the box itself, without torch."""
