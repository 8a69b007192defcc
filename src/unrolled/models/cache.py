"""Keys and values of what was read, so that attention reads on at the price of what is new."""

from __future__ import annotations

from torch import Tensor


class KeyValueCache:
    """Keys and values of the positions read so far, so that the next token costs one position only.

    Room is taken in advance and doubles when it is full. What is written beyond `length` does not count: a forward pass
    that was stopped half way leaves the cache as it was.
    """

    def __init__(self, room: int = 64, n_layer: int = 0) -> None:
        """`room`: positions to make room for at first; for `n_layer` layers at once, if that is said."""
        self.length = 0
        self._room, self._n_layer = room, n_layer
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Writes k, v (batch, head, n, d) of new positions after `length`; gives those of all positions."""
        if layer == len(self._keys):
            self._keys += self._empty(key)
            self._values += self._empty(value)
        end = self.length + key.shape[2]
        self._keys[layer] = self._with_room(self._keys[layer], end)
        self._values[layer] = self._with_room(self._values[layer], end)
        self._keys[layer][:, :, self.length : end] = key
        self._values[layer][:, :, self.length : end] = value
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]

    def advance(self, n: int) -> None:
        """The n positions that every layer has written now count."""
        self.length += n

    def crop(self, length: int) -> None:
        """Forgets the positions from `length` on."""
        self.length = min(self.length, length)

    def keys(self, layer: int) -> Tensor:
        """(batch, head, position, d) of the positions that count."""
        return self._keys[layer][:, :, : self.length]

    def values(self, layer: int) -> Tensor:
        """As `keys`."""
        return self._values[layer][:, :, : self.length]

    @property
    def n_bytes(self) -> int:
        """Memory taken, used or not."""
        return sum(x.nbytes for x in (*self._keys, *self._values))

    def _empty(self, like: Tensor) -> list[Tensor]:
        """For one more layer nothing yet; for all at once one block of memory, which the system gets back whole."""
        if not self._n_layer:
            return [like[:, :, :0]]
        batch, head, _, d = like.shape
        return list(like.new_empty(self._n_layer, batch, head, self._room, d))

    def _with_room(self, old: Tensor, end: int) -> Tensor:
        if end <= old.shape[2]:
            return old
        batch, head, room, d = old.shape
        new = old.new_empty(batch, head, max(end, 2 * room, self._room), d)
        new[:, :, : self.length] = old[:, :, : self.length]
        return new
