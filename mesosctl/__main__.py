"""`python -m mesosctl`."""

from mesosctl.cli import main

main()
