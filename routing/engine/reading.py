"""One JSON object of a rule-set version in, typed values out, or where and why it cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RuleError(ValueError):
    """A rule-set version's content cannot be compiled: `code` is stable, the message says where and why."""

    def __init__(self, code: str, where: str, sentence: str) -> None:
        super().__init__(f"{where}: {sentence}")
        self.code = code
        self.where = where


class Reader:
    """Typed values out of one JSON object; raises RuleError (content_malformed) with key and place."""

    __slots__ = ("_source", "where")

    def __init__(self, source: Mapping[str, Any], where: str) -> None:
        self._source = source
        self.where = where

    def get(self, key: str) -> object:
        return self._source.get(key)

    def malformed(self, key: str, needed: str) -> RuleError:
        return RuleError("content_malformed", self.where, f"{key} has to be {needed}")

    def items(self, key: str) -> list[Any]:
        value = self._source.get(key)
        if not isinstance(value, list):
            raise self.malformed(key, "a list")
        return value

    def text(self, key: str) -> str:
        value = self._source.get(key, "")
        if not isinstance(value, str):
            raise self.malformed(key, "a text")
        return value

    def texts(self, key: str) -> list[str]:
        value = self._source.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise self.malformed(key, "a list of texts")
        return value

    def number_or_none(self, key: str) -> int | None:
        value = self._source.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.malformed(key, "a whole number")
        return value

    def number(self, key: str) -> int:
        value = self.number_or_none(key)
        if value is None:
            raise self.malformed(key, "a whole number")
        return value

    def flag_or_none(self, key: str) -> bool | None:
        value = self._source.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.malformed(key, "true or false")
        return value
