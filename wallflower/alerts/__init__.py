"""What matters of what is heard: rules, the watcher that tells when one is met, and who is told of it."""
