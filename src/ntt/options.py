"""Types and ranges of options, read from the signatures of the classes that take them.

A constructor declares its options with annotations, ``ring: Share``. The configuration is checked against
these annotations before anything is loaded (``ntt.config.schema``); a constructor decorated with ``checked``
also checks them when it is called from Python.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from ntt.errors import InputError

Share = Annotated[float, Ge(0), Le(1)]
BelowOne = Annotated[float, Ge(0), Lt(1)]
Cosine = Annotated[float, Ge(-1), Le(1)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Count = Annotated[int, Ge(0)]
AtLeastOne = Annotated[int, Ge(1)]

Function = TypeVar("Function", bound=Callable[..., None])

# Text for a number, as in a class named 7 or a folder named 20240101; nan and inf are no numbers.
SETTINGS = ConfigDict(coerce_numbers_to_str=True, allow_inf_nan=False)
PLAIN = (int, float, bool, str, Path, type(None))
LISTS = (list, tuple, Sequence)
WORDS = {int: "an integer", float: "a number", bool: "true or false", str: "text", Path: "a path"}
LONGEST = 60  # characters of a value in a message


@dataclass(frozen=True)
class Option:
    """An option of a callable.

    Attributes:
        expected: description for messages: "an integer or null".
        limits: description of the range, "in [0, 1]"; empty if the number has at most one limit.
        adapter: validates and converts values.
    """

    expected: str
    limits: str
    adapter: TypeAdapter[Any]

    def convert(self, value: Any, name: str) -> Any:
        """Validate a value and convert it, for example ``no`` to False and a single name to a list.

        Args:
            value: value from the configuration or from Python.
            name: name of the option, for messages.

        Raises:
            InputError: the value has another type or is out of range.
        """
        try:
            return self.adapter.validate_python(value)
        except ValidationError as error:
            ranges = [said for each in error.errors() if (said := _range(each))]
            said = (self.limits or ranges[0]) if ranges else self.expected
            raise InputError(f"{name} must be {said}, got {_shown(value)}") from None


@functools.cache
def options_of(target: Callable[..., Any]) -> tuple[dict[str, Option | None], Any]:
    """Return the parameters of a class or function, and the type of the other keywords that it takes.

    The type is None if it takes no others, ``object`` if it ignores them, and ``Any`` if it passes them on.

    Keywords that a constructor passes on to its base class, ``**named: Any``, are parameters too, as are
    those of ``**options: Unpack[...]``. ``**unused: object`` takes any others. A parameter is None if its
    annotation is not plain: numbers, text, paths, literals, and lists of them.
    """
    found: dict[str, Option | None] = {}
    for function in _constructors(target) if inspect.isclass(target) else [target]:
        function = inspect.unwrap(function)
        others = None
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                others = parameter
            elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name != "self":
                found.setdefault(parameter.name, _option(parameter.annotation, function.__globals__))
        if others is None:
            return found, None
        names = _hint(others.annotation, function.__globals__)
        if names is object:
            return found, object
        if get_origin(names) is typing.Unpack:
            keys = get_args(names)[0]
            module = vars(sys.modules[keys.__module__])
            hints = {key: _option(each, module) for key, each in inspect.get_annotations(keys).items()}
            return {**hints, **found}, None
    return found, Any


def _constructors(target: type) -> list[Any]:
    """Return the constructors of a class and its bases that are written in Python, in order."""
    own = [vars(each)["__init__"] for each in target.__mro__ if "__init__" in vars(each)]
    return [each for each in own if inspect.isfunction(inspect.unwrap(each))]


def checked(constructor: Function) -> Function:
    """Validate and convert the plain arguments of a constructor by their annotations."""

    @functools.wraps(constructor)
    def wrapper(self: object, *args: Any, **kwargs: Any) -> None:
        options, _ = options_of(constructor)
        bound = inspect.signature(constructor).bind(self, *args, **kwargs)
        for name, value in bound.arguments.items():
            if (option := options.get(name)) is not None:
                bound.arguments[name] = option.convert(value, f"{type(self).__name__}: {name}")
        constructor(*bound.args, **bound.kwargs)

    return typing.cast(Function, wrapper)


def _option(annotation: Any, names: Mapping[str, Any]) -> Option | None:
    return option(_hint(annotation, names))


def _hint(annotation: Any, names: Mapping[str, Any]) -> Any:
    """Evaluate an annotation, which may be text; ``Any`` if only type checkers can."""
    if annotation is inspect.Parameter.empty:
        return Any
    holder = types.SimpleNamespace(__annotations__={"value": annotation})
    try:
        return typing.get_type_hints(holder, dict(names), include_extras=True)["value"]
    except (NameError, TypeError, AttributeError):
        return Any


def option(hint: Any) -> Option | None:
    """Return the option of a type; None if the type is not plain."""
    if not _is_plain(hint):
        return None
    expected = " or ".join(dict.fromkeys(_words(hint)))
    return Option(expected, _limits(hint), TypeAdapter(_guarded(hint), config=SETTINGS))


def _is_plain(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Annotated:
        return _is_plain(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return all(_is_plain(each) for each in get_args(hint))
    if origin in LISTS:
        return all(each is Ellipsis or _is_plain(each) for each in get_args(hint))
    return origin is Literal or hint in PLAIN or _is_path(hint)


def _is_path(hint: Any) -> bool:
    return hint is os.PathLike or get_origin(hint) is os.PathLike


def _words(hint: Any) -> list[str]:
    """Return the alternatives that a type allows, in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _words(args[0])
    if origin in (Union, types.UnionType):
        # null last; text includes paths
        each = [word for arg in args if arg is not type(None) for word in _words(arg)]
        return [*each, "null"] if type(None) in args else each
    if origin in LISTS:
        return [f"a list of {_plural(args[0])}"]
    if origin is Literal:
        return [", ".join(map(str, args[:-1])) + " or " * bool(args[1:]) + str(args[-1])]
    return [WORDS.get(hint, "a path")]


def _limits(hint: Any) -> str:
    """Describe the range of a number with two limits, also inside a union."""
    if get_origin(hint) is Annotated:
        least = [each.ge for each in hint.__metadata__ if isinstance(each, Ge)]
        most = [each.le for each in hint.__metadata__ if isinstance(each, Le)]
        below = [each.lt for each in hint.__metadata__ if isinstance(each, Lt)]
        if least and most:
            return f"in [{least[0]}, {most[0]}]"
        return f"in [{least[0]}, {below[0]})" if least and below else ""
    return next(filter(None, map(_limits, get_args(hint))), "")


def _plural(hint: Any) -> str:
    names = {int: "integers", float: "numbers", str: "names", Path: "paths"}
    return names.get(get_args(hint)[0] if get_origin(hint) is Annotated else hint, "values")


def _guarded(hint: Any, alone: bool = True) -> Any:
    """Refuse flags for numbers; read a single value as a list of one if no other type is possible."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        inner = _guarded(args[0], alone)
        return Annotated[inner, *hint.__metadata__]
    if origin in (Union, types.UnionType):
        lists = [get_origin(each) in LISTS or each is type(None) for each in args]
        union: Any = Union[tuple(_guarded(each, all(lists)) for each in args)]  # noqa: UP007
        # "no" is a flag before it is a text.
        return Annotated[union, Field(union_mode="left_to_right")] if args[:2] == (bool, str) else union
    if hint in (int, float):
        return Annotated[hint, BeforeValidator(_no_flag)]
    if origin in LISTS:
        items = tuple(each if each is Ellipsis else _guarded(each) for each in args)
        kind = tuple[items] if origin is tuple else list[items[0]]  # type: ignore[valid-type]
        return Annotated[kind, BeforeValidator(_listed)] if alone else kind
    if _is_path(hint):
        return Path
    return hint


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is a flag")
    return value


def _listed(value: Any) -> Any:
    alone = value is not None and (isinstance(value, str | bytes) or not hasattr(value, "__iter__"))
    return [value] if alone else value


def _range(error: Any) -> str | None:
    """Describe the violated limit of a number; None for other errors."""
    context = error.get("ctx", {})
    for key, said in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
        if key in context:
            return f"{said} {context[key]:g}"
    return None


def _shown(value: Any) -> str:
    """Write a value as in a config, shortened."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value).replace("\n", " ")
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
