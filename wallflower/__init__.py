"""Wallflower: local listening for Home Assistant. Importing the package loads nothing heavy."""

__version__ = "0.1.0"
