"""Files become models: the catalogue says what there is, the store keeps it on this box."""
