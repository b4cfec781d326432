"""`python -m wallflower` is the `wallflower` command."""

from wallflower.cli.main import main

raise SystemExit(main())
