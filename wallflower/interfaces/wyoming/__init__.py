"""The Wyoming protocol, as Home Assistant's voice pipelines speak it."""
