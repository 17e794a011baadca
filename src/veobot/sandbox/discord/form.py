"""Reads a request's fields and collects what is wrong with them, as Discord's "Invalid Form Body" tells it."""

from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlsplit

from veobot.sandbox.discord.errors import invalid_form
from veobot.sandbox.discord.snowflakes import MAX_SNOWFLAKE
from veobot.sandbox.ledger import JsonValue

# A snowflake has at most 20 digits; Python itself refuses to convert thousands of them.
MAX_SNOWFLAKE_DIGITS = 20


class Form:
    """The complaints about one request, each under the path of its field."""

    def __init__(self) -> None:
        self._complaints: list[tuple[tuple[str, ...], str, str]] = []

    def complain(self, path: Sequence[str], code: str, message: str) -> None:
        """Note that the field at `path` is wrong."""
        self._complaints.append((tuple(path), code, message))

    def check(self) -> None:
        """Raise Discord's 50035 with everything noted, if anything was.

        Raises:
            ApiError: 400 with code 50035.
        """
        if not self._complaints:
            return
        errors: dict[str, JsonValue] = {}
        for path, code, message in self._complaints:
            _insert(errors, path, {"code": code, "message": message})
        raise invalid_form(errors)


def _insert(tree: dict[str, JsonValue], path: tuple[str, ...], complaint: Mapping[str, JsonValue]) -> None:
    for name in path:
        child = tree.setdefault(name, {})
        assert isinstance(child, dict)
        tree = child
    listed = tree.setdefault("_errors", [])
    assert isinstance(listed, list)
    listed.append(complaint)


class Fields:
    """One JSON object of a request. Each reader returns the value, or None if it is absent, null or wrong.

    What is wrong is noted in the form; fields that nobody asks for are ignored, as Discord does.
    """

    def __init__(self, body: Mapping[str, JsonValue], form: Form, path: tuple[str, ...] = ()) -> None:
        self.body = body
        self.form = form
        self.path = path

    def has(self, name: str) -> bool:
        """Whether the field was sent at all, be it null."""
        return name in self.body

    def complain(self, name: str, code: str, message: str) -> None:
        """Note that a field of this object is wrong; without a name, the object itself."""
        self.form.complain((*self.path, name) if name else self.path, code, message)

    def require(self, name: str) -> bool:
        """Note it if the field is absent or null."""
        if self.body.get(name) is None:
            self.complain(name, "BASE_TYPE_REQUIRED", "This field is required")
            return False
        return True

    def text(self, name: str, *, minimum: int = 0, maximum: int, required: bool = False) -> str | None:
        """Read a text of so many characters."""
        value = self._value(name, required=required)
        if value is None:
            return None
        if isinstance(value, bool | int | float):
            # Discord takes numbers for texts, and so do we.
            value = str(value)
        if not isinstance(value, str):
            self.complain(name, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return None
        if minimum <= len(value) <= maximum:
            return value
        if minimum:
            code, sentence = "BASE_TYPE_BAD_LENGTH", f"Must be between {minimum} and {maximum} in length."
        else:
            code, sentence = "BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length."
        self.complain(name, code, sentence)
        return None

    def integer(
        self, name: str, *, minimum: int, maximum: int, required: bool = False, default: int | None = None
    ) -> int | None:
        """Read a whole number, which may also come as its digits."""
        value = self._value(name, required=required)
        if value is None:
            return default
        number = _whole_number(value)
        if number is None:
            self.complain(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif number < minimum:
            self.complain(name, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {minimum}.")
        elif number > maximum:
            self.complain(name, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {maximum}.")
        else:
            return number
        return None

    def snowflake(self, name: str, *, required: bool = False) -> int | None:
        """Read an id."""
        value = self._value(name, required=required)
        if value is None:
            return None
        number = parse_snowflake(value)
        if number is None:
            self.complain(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return number

    def choice(
        self, name: str, choices: Collection[int], *, required: bool = False, default: int | None = None
    ) -> int | None:
        """Read one of a few whole numbers."""
        value = self._value(name, required=required)
        if value is None:
            return default
        number = _whole_number(value)
        if number in choices:
            return number
        listed = ", ".join(str(choice) for choice in sorted(choices))
        self.complain(name, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
        return None

    def boolean(self, name: str) -> bool | None:
        """Read true or false."""
        value = self.body.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.complain(name, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return None

    def url(self, name: str, *, maximum: int, schemes: Collection[str] = ("http", "https")) -> str | None:
        """Read an address with one of these schemes."""
        value = self.text(name, maximum=maximum)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            self.complain(name, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
            return None
        if parts.scheme.lower() not in schemes:
            allowed = ", ".join(f"'{scheme}'" for scheme in schemes)
            sentence = f'Scheme "{parts.scheme}" is not supported. Scheme must be one of ({allowed}).'
            self.complain(name, "URL_TYPE_INVALID_SCHEME", sentence)
            return None
        if not (parts.netloc or parts.path):
            self.complain(name, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
            return None
        return value

    def child(self, name: str, *, required: bool = False) -> "Fields | None":
        """Read an object."""
        value = self._value(name, required=required)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return Fields(value, self.form, (*self.path, name))
        self.complain(name, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return None

    def items(self, name: str, *, minimum: int = 0, maximum: int) -> list[JsonValue]:
        """Read a list of anything."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.complain(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not minimum <= len(value) <= maximum:
            if minimum:
                sentence = f"Must be between {minimum} and {maximum} in length."
                self.complain(name, "BASE_TYPE_BAD_LENGTH", sentence)
            else:
                self.complain(name, "BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length.")
            return []
        return value

    def children(self, name: str, *, minimum: int = 0, maximum: int) -> list["Fields"]:
        """Read a list of objects; each complains under its index."""
        found = []
        for index, value in enumerate(self.items(name, minimum=minimum, maximum=maximum)):
            path = (*self.path, name, str(index))
            if isinstance(value, Mapping):
                found.append(Fields(value, self.form, path))
            else:
                message = "Only dictionaries may be used in a DictType"
                self.form.complain(path, "DICT_TYPE_CONVERT", message)
        return found

    def snowflakes(self, name: str, *, maximum: int) -> list[int]:
        """Read a list of ids."""
        found = []
        for index, value in enumerate(self.items(name, maximum=maximum)):
            number = parse_snowflake(value)
            if number is None:
                path = (*self.path, name, str(index))
                self.form.complain(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
            else:
                found.append(number)
        return found

    def _value(self, name: str, *, required: bool) -> JsonValue:
        if required and not self.require(name):
            return None
        return self.body.get(name)


def parse_snowflake(value: JsonValue) -> int | None:
    """Return the id that a JSON value or a part of a path stands for, or None if it is no snowflake."""
    if isinstance(value, str) and len(value) > MAX_SNOWFLAKE_DIGITS:
        return None
    number = _whole_number(value)
    return number if number is not None and 0 <= number <= MAX_SNOWFLAKE else None


def _whole_number(value: JsonValue) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) <= MAX_SNOWFLAKE_DIGITS:
        digits = value.removeprefix("-")
        return int(value) if digits.isascii() and digits.isdigit() else None
    return None
