"""A real board on the bench: its serial line, its supply, and U-Boot to load the image.

Context   the main thread. power_on() ends at U-Boot's prompt with the image in memory; go() enters
          it. What U-Boot said is the beginning of the console. A card that boots by itself is only
          listened to.
Rules     a boot that fails before Kyu runs is tried again, and told of (Eventful): a night need not
          end because U-Boot once heard no answer.
          nothing of this host's network is changed. While the serial line is away the board is not
          observed: its silence then proves nothing (Observable).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rig.board import flat, tftp
from rig.board.bench_config import BenchConfig
from rig.board.power import Supply
from rig.board.protocol import Address, HostLoad
from rig.board.serial_line import SerialLine
from rig.board.uboot import UBoot
from rig.errors import RigError
from rig.wire.host_interface import HostInterface


class BenchBoard:
    """Satisfies Board, Observable and Eventful."""

    name = "bench"

    def __init__(self, config: BenchConfig, image: bytes, entry: int, wire: HostInterface) -> None:
        self._config, self._image, self._entry, self._wire = config, image, entry, wire
        self._supply = Supply(config.power)
        self._line: SerialLine | None = None
        self._told: list[str] = []
        self._away_s = 0.0
        self._asked = time.monotonic()

    @property
    def console(self) -> SerialLine:
        if self._line is None:
            raise RigError("the board is off")
        return self._line

    def power_on(self) -> None:
        """Raises UserError for what is configured wrongly, RigError when U-Boot is not met."""
        self.power_off()
        config = self._config
        self._line = SerialLine(config.serial, config.baud, lost_s=config.serial_lost_s)
        uboot = UBoot(self._line, config.boot)
        try:
            for _ in range(config.boot.attempts - 1):
                try:
                    return LOADS[config.boot.load](self, uboot)
                except RigError as fault:
                    self._told.append(f"{fault}; the power is cycled again")
            return LOADS[config.boot.load](self, uboot)
        except BaseException:
            self.power_off()
            raise

    def _by_tftp(self, uboot: UBoot) -> None:
        wire = self._wire
        with tftp.OneFile(self._image, wire.host, wire.board):  # before the board wants it
            self._supply.cycle()
            uboot.interrupt()
            uboot.tftp(
                flat.LOAD_ADDRESS, tftp.NAME, wire.board, wire.host, wire.mask, len(self._image)
            )

    def _by_serial(self, uboot: UBoot) -> None:
        self._supply.cycle()
        uboot.interrupt()
        uboot.ymodem(flat.LOAD_ADDRESS, tftp.NAME, self._image)

    def _from_card(self, uboot: UBoot) -> None:
        self._supply.cycle()
        uboot.left_alone()

    def go(self) -> None:
        if self._config.boot.load != "card":
            UBoot(self.console, self._config.boot).go(self._entry)

    def power_off(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
            self._supply.off()

    def address(self, port: int) -> Address:
        return Address(self._wire.board, port)

    def gone(self) -> str:
        return "the board is off" if self._line is None else self._line.gone

    def host_load(self) -> HostLoad:
        now = time.monotonic()
        if self._line is not None and self._line.lost:
            self._away_s += now - self._asked
        self._asked = now
        return HostLoad(self._away_s, stopped=False)

    def happenings(self) -> list[str]:
        told, self._told = self._told, []
        return told if self._line is None else told + self._line.happenings()


LOADS: dict[str, Callable[[BenchBoard, UBoot], None]] = {
    "tftp": BenchBoard._by_tftp,
    "serial": BenchBoard._by_serial,
    "card": BenchBoard._from_card,
}
