"""What this box has: processor, memory, accelerators, what the libraries can really run on, and its heat."""
