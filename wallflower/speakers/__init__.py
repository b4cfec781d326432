"""Who speaks: turns, embeddings, clusters of them, and voices that are known."""
