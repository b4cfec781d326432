"""What is kept of what was heard: transcripts in SQLite, their search, their export, and forgetting them."""
