"""The `wallflower` command. Each subcommand has a file; nothing heavy is loaded before it runs."""
