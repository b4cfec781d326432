"""The door to MQTT: what is heard becomes topics, and entities in Home Assistant."""
