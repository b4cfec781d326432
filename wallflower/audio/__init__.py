"""Sound becomes samples: mono, 16 kHz, signed 16-bit."""
