"""`mirctl`, and `python -m mirctl`."""

import signal


def main() -> None:
    """Run the command line; until it is loaded Ctrl-C just ends the process, without a traceback.

    A shell that starts it in the background has Ctrl-C ignored, which stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mirctl import cli

    cli.main()


if __name__ == "__main__":
    main()
