"""A table of plug-ins by name."""

from collections.abc import Callable
from typing import TypeVar

from utils.errors import ConfigError
from utils.spelling import hint, shortened

T = TypeVar("T")


class Registry(dict[str, T]):
    """A dict of plug-ins that refuses a name given twice and answers an unknown name with the known ones."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.aliases: dict[str, str] = {}

    def register(self, name: str, *, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
        """Decorate the plug-in called `name`; `aliases` are other spellings that files may use."""
        for new in (name, *aliases):
            if new in self or new in self.aliases:
                raise ValueError(f"{self.kind} {new!r} is registered twice")

        def add(item: T) -> T:
            self[name] = item
            self.aliases.update(dict.fromkeys(aliases, name))
            return item

        return add

    def canonical(self, name: str) -> str:
        """The registered spelling of `name`, which may be an alias. Raises: ConfigError if there is none."""
        known = self.aliases.get(name, name)
        if known not in self:
            what_to_do = hint(name, sorted(self), self.aliases)
            raise ConfigError(f"unknown {self.kind} {shortened(name)!r}; {what_to_do}")
        return known
