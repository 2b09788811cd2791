"""The bytes of one servo's control table, by register name, by address, and through indirect addresses."""

from collections.abc import Iterator

from dexndm_gym.virtual_hand.control_table import INDIRECT_ADDRESS_START, Register, ServoModel
from dexndm_gym.virtual_hand.packets import StatusError


class RefusedError(Exception):
    """A servo refuses an instruction; never leaves the virtual hand, the status packet carries its number."""

    def __init__(self, error: StatusError) -> None:
        """Refuse because of ``error``."""
        super().__init__(error.name)
        self.error = error


class RegisterFile:
    """Registers without rules."""

    def __init__(self, model: ServoModel, memory: memoryview) -> None:
        """Give names to bytes.

        Args:
            model: the control table.
            memory: ``model.size`` writable bytes.
        """
        self.model = model
        self.memory = memory

    def __getitem__(self, name: str) -> int:
        """Value of a register."""
        field, address = self.model.fields[name]
        return field.unpack_from(self.memory, address)[0]

    def __setitem__(self, name: str, value: int) -> None:
        """Set a register, writable or not."""
        field, address = self.model.fields[name]
        field.pack_into(self.memory, address, value)

    def read(self, address: int, length: int) -> bytes:
        """Bytes of the table, indirect data resolved; bytes that belong to no register read as 0.

        Raises:
            RefusedError: no bytes, or bytes beyond the end of the table, were asked for.
        """
        if length == 0:
            raise RefusedError(StatusError.DATA_LENGTH)
        if address + length > self.model.size:
            raise RefusedError(StatusError.ACCESS)
        if address + length <= self.model.indirect_data_start:
            return bytes(self.memory[address : address + length])
        return bytes(self.memory[target] for target in self.resolve(address, length))

    def resolve(self, address: int, length: int) -> list[int]:
        """The address behind each byte; one level of indirection, as the servo has it."""
        first = self.model.indirect_data_start
        targets = []
        for byte in range(address, address + length):
            if byte >= first:
                slot = INDIRECT_ADDRESS_START + 2 * (byte - first)
                byte = int.from_bytes(self.memory[slot : slot + 2], "little")
            targets.append(byte)
        return targets

    def split(self, address: int, data: bytes) -> Iterator[tuple[Register, int]]:
        """The whole registers that a write covers, with their new values.

        Raises:
            RefusedError: a byte belongs to no register, or a register is covered in part.
        """
        if not data:
            raise RefusedError(StatusError.DATA_LENGTH)
        if address + len(data) > self.model.size:
            raise RefusedError(StatusError.ACCESS)
        targets = self.resolve(address, len(data))
        done = 0
        while done < len(targets):
            register = self.model.byte_owner.get(targets[done])
            if register is None:
                raise RefusedError(StatusError.ACCESS)
            end = done + register.size
            if targets[done:end] != list(range(register.address, register.address + register.size)):
                raise RefusedError(StatusError.DATA_LENGTH)
            yield register, int.from_bytes(data[done:end], "little", signed=register.signed)
            done = end
