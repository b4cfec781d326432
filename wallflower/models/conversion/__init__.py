"""One checkpoint, as it was trained or published, becomes the files of each engine: NumPy alone, no torch."""
