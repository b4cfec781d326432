"""What the house knows: Home Assistant and its Supervisor as seen from here, and the names in the house."""
