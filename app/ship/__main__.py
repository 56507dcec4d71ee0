"""The shipper: `python -m app.ship`, which takes the records of feeds to where people watch, each once and in order.

DESTINATIONS_FILE says what is shipped where; docs/ship.md says how to operate it, and what each destination promises.
"""

import argparse
import asyncio
import logging.config
import sys

from app import terminal
from app.settings import SettingsRefused, describe, read_as
from app.ship import running
from app.ship.positions import BadPositions
from app.ship.settings import ShipperSettings
from app.telemetry import logs


def _parser() -> argparse.ArgumentParser:
    parser = terminal.Parser(
        prog="python -m app.ship",
        description=__doc__,
        epilog=f"Configured by these environment variables. An empty one counts as not set.\n\n"
        f"{describe(ShipperSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--once", action="store_true", help="ship what there is; status 1 where a destination lacks anything then"
    )
    return parser


def main() -> int:
    """Run the command line; return the exit status: 0, or 1 with the reason in one line, or 2 for a wrong command."""
    terminal.escape_unencodable()
    arguments = _parser().parse_args()
    try:
        settings = read_as(ShipperSettings)
        logging.config.dictConfig(logs.CONFIGURATION)
        return asyncio.run(running.run(settings, once=arguments.once))
    except (SettingsRefused, running.RunRefused, BadPositions) as error:
        terminal.complain(str(error))
    return 1


if __name__ == "__main__":
    sys.exit(main())
