"""What can go wrong, as a user sees it: one base, and one exit code for each kind."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the `wallflower` command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MODEL = 3
    ADDRESS = 4
    ENGINE = 5
    AUDIO = 6
    DATA = 7


class WallflowerError(Exception):
    """An error with a message for the user: what was wrong, where, and the next step."""

    exit_code = ExitCode.FAILED


class DataDirError(WallflowerError):
    """The data directory cannot be used."""

    exit_code = ExitCode.DATA


class AddressError(WallflowerError):
    """An address to serve at cannot be had."""

    exit_code = ExitCode.ADDRESS
