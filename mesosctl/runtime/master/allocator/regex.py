"""Regular expressions of offer constraints, matched in time linear in the text, whatever the expression.

Schedulers choose them, so a backtracking matcher will not do: one expression could stop the master. An expression is
compiled to a small program (Thompson's construction) and run in all of its states at once. The syntax is RE2's as far
as Python's parser agrees: no references back, no looking around.
"""

from __future__ import annotations

import re
from re import _constants as names  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

_CATEGORIES = {
    names.CATEGORY_DIGIT: r"\d",
    names.CATEGORY_NOT_DIGIT: r"\D",
    names.CATEGORY_SPACE: r"\s",
    names.CATEGORY_NOT_SPACE: r"\S",
    names.CATEGORY_WORD: r"\w",
    names.CATEGORY_NOT_WORD: r"\W",
}
_MOST_REPEATS = 1000


class _Take(NamedTuple):
    """One character of a sort, then the next instruction."""

    sort: re.Pattern[str]


class _Split(NamedTuple):
    """Go on at both."""

    first: int
    second: int


class _At(NamedTuple):
    """Go on at the begin (or end) of the text only."""

    begin: bool


class Regex:
    """`matches` asks whether a whole text fits."""

    def __init__(self, pattern: str, most: int) -> None:
        """Raises ValueError where the pattern is none, or needs more than `most` instructions."""
        try:
            tree = parser.parse(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"Failed to construct regex from pattern '{pattern}': {error}") from None
        self._pattern = pattern
        self._flags = tree.state.flags & (re.IGNORECASE | re.DOTALL)
        self._most = most
        self._program: list[_Take | _Split | _At] = []
        self._sequence(tree)

    def matches(self, text: str) -> bool:
        states = self._reach({0}, 0, len(text))
        for position, character in enumerate(text, start=1):
            after = {
                state + 1
                for state in states
                if state < len(self._program)
                and isinstance(take := self._program[state], _Take)
                and take.sort.match(character)
            }
            states = self._reach(after, position, len(text))
        return len(self._program) in states

    def _reach(self, states: set[int], position: int, length: int) -> set[int]:
        """These and all that can be reached from them without a character."""
        found, waiting = set(states), list(states)
        while waiting:
            state = waiting.pop()
            step = self._program[state] if state < len(self._program) else None
            targets: tuple[int, ...] = ()
            if isinstance(step, _Split):
                targets = step
            elif isinstance(step, _At) and position == (0 if step.begin else length):
                targets = (state + 1,)
            new = [target for target in targets if target not in found]
            found.update(new)
            waiting.extend(new)
        return found

    # Compilation. Every part ends where the next begins.

    def _add(self, step: _Take | _Split | _At) -> int:
        if len(self._program) >= self._most:
            raise ValueError(
                f"Regex '{self._pattern}' is too complex: program size is larger than maximum of {self._most} allowed"
            )
        self._program.append(step)
        return len(self._program) - 1

    def _sequence(self, items: Any) -> None:
        for operator, argument in items:
            self._item(operator, argument)

    def _item(self, operator: Any, argument: Any) -> None:
        match operator:
            case names.LITERAL:
                self._take(re.escape(chr(argument)))
            case names.NOT_LITERAL:
                self._take(f"[^{_in_set(chr(argument))}]")
            case names.ANY:
                self._take(".")
            case names.IN:
                self._take(f"[{''.join(_set_part(each) for each in argument)}]")
            case names.SUBPATTERN if not argument[1] and not argument[2]:
                self._sequence(argument[-1])
            case names.BRANCH:
                self._branch(argument[1])
            case names.MAX_REPEAT | names.MIN_REPEAT:
                self._repeat(*argument)
            case names.AT if argument in (names.AT_BEGINNING, names.AT_BEGINNING_STRING):
                self._add(_At(begin=True))
            case names.AT if argument in (names.AT_END, names.AT_END_STRING):
                self._add(_At(begin=False))
            case _:
                raise ValueError(f"Failed to construct regex from pattern '{self._pattern}': invalid perl operator")

    def _take(self, sort: str) -> None:
        self._add(_Take(re.compile(sort, self._flags)))

    def _branch(self, alternatives: Any) -> None:
        jumps = []
        for alternative in alternatives[:-1]:
            split = self._add(_Split(0, 0))
            self._sequence(alternative)
            jumps.append(self._add(_Split(0, 0)))
            self._program[split] = _Split(split + 1, len(self._program))
        self._sequence(alternatives[-1])
        for jump in jumps:
            self._program[jump] = _Split(len(self._program), len(self._program))

    def _repeat(self, least: int, most: Any, items: Any) -> None:
        unbounded = most is names.MAXREPEAT
        if least > _MOST_REPEATS or (not unbounded and most > _MOST_REPEATS):
            raise ValueError(f"Failed to construct regex from pattern '{self._pattern}': bad repetition operator")
        for _ in range(least):
            before = len(self._program)
            self._sequence(items)
            if len(self._program) == before:
                break  # nothing, however often
        if unbounded:
            split = self._add(_Split(0, 0))
            self._sequence(items)
            self._add(_Split(split, split))
            self._program[split] = _Split(split + 1, len(self._program))
            return
        splits = []
        for _ in range(most - least):
            splits.append(self._add(_Split(0, 0)))
            self._sequence(items)
        for split in splits:
            self._program[split] = _Split(split + 1, len(self._program))


def _set_part(part: tuple[Any, Any]) -> str:
    operator, argument = part
    match operator:
        case names.NEGATE:
            return "^"
        case names.RANGE:
            return f"{_in_set(chr(argument[0]))}-{_in_set(chr(argument[1]))}"
        case names.CATEGORY:
            return _CATEGORIES[argument]
        case _:
            return _in_set(chr(argument))


def _in_set(character: str) -> str:
    return f"\\{character}" if character in "\\]^-[&~|" else character
