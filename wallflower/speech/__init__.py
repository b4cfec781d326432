"""When somebody speaks, and which stretch of sound is decoded as one piece."""
