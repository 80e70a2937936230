"""Settings of a suite entry: the schema that every scenario derives from, with reading and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import SuiteError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["Settings"]


class Settings(BaseModel):
    """Settings of one scenario that a suite entry may give: a field for each, with its description and its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, entry: str, raw: Mapping[str, Any]) -> Self:
        """Validated settings of a suite entry.

        Raises:
            SuiteError: every problem of the fields at once or, where each field is sound, those of :meth:`problems`.
        """
        try:
            settings = cls(**raw)
        except ValidationError as error:
            problems = [f"{'.'.join(str(x) for x in e['loc'])}: {e['msg']}" for e in error.errors()]
            raise SuiteError(_sentence(entry, problems)) from error
        if problems := settings.problems():
            raise SuiteError(_sentence(entry, problems))
        return settings

    def problems(self) -> list[str]:
        """Contradictions between settings, each of which is sound by itself; none here."""
        return []

    @classmethod
    def meaning(cls) -> dict[str, str]:
        """Setting -> description and default: the scenario's own settings first, then the inherited ones."""
        own = [name for name in cls.__annotations__ if name in cls.model_fields]
        names = [*own, *(name for name in cls.model_fields if name not in own)]
        return {name: _described(cls.model_fields[name]) for name in names}


def _sentence(entry: str, problems: list[str]) -> str:
    return f"entry {entry!r}, settings: " + "; ".join(problems)


def _described(field: FieldInfo) -> str:
    if field.is_required():
        return str(field.description)
    return f"{field.description} (default: {field.get_default(call_default_factory=True)!r})"
