"""`python -m mirctl` is `mirctl`."""

from mirctl.cli import main

main()
