"""SIGINT and SIGTERM as a flag that the training loop reads between steps."""

import signal
from types import FrameType


class Stop:
    """Remembers the first signal; a second SIGINT interrupts at once.

    Attributes:
        number: the signal's number, 0 if none came.
    """

    def __init__(self) -> None:
        self.number = 0

    def listen(self) -> None:
        """Take over SIGINT and SIGTERM; only in the main thread of a process."""
        signal.signal(signal.SIGINT, self._arrived)
        signal.signal(signal.SIGTERM, self._arrived)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number
