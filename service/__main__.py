"""`python -m service` is the command line."""

from service.cli.main import main

main(prog_name="daybook")
