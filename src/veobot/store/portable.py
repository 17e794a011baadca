"""What SQLite and PostgreSQL say in different words, as expressions that know both."""

from typing import TYPE_CHECKING

from sqlalchemy import Boolean, Column, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.sql.operators import OperatorType


class WholeNumber(FunctionElement[bool]):
    """Whether a column holds a whole number here: SQLite keeps whatever it is given, PostgreSQL nothing else."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Column[int]) -> None:
        super().__init__(column)


class Among(FunctionElement[bool]):
    """Whether a number is in a parameter that holds a JSON array: one text, however many numbers there are."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, number: ColumnElement[int], parameter: str) -> None:
        super().__init__(number, bindparam(parameter, type_=Text))

    def self_group(self, against: "OperatorType | None" = None) -> "Among":  # noqa: ARG002 -- SQLAlchemy's signature
        """Return it as it is: SQLAlchemy would ask SQLite whether it "= 1", and no index answers that."""
        return self


@compiles(WholeNumber, "sqlite")
def _whole_number_in_sqlite(element: WholeNumber, compiler: SQLCompiler, **options: object) -> str:
    return f"typeof({_arguments(element, compiler, options)[0]}) = 'integer'"


@compiles(WholeNumber, "postgresql")
def _whole_number_in_postgresql(_element: WholeNumber, _compiler: SQLCompiler, **_options: object) -> str:
    return "true"


@compiles(Among, "sqlite")
def _among_in_sqlite(element: Among, compiler: SQLCompiler, **options: object) -> str:
    number, array = _arguments(element, compiler, options)
    return f"{number} IN (SELECT value FROM json_each({array}))"  # noqa: S608 -- both are compiled already


@compiles(Among, "postgresql")
def _among_in_postgresql(element: Among, compiler: SQLCompiler, **options: object) -> str:
    number, array = _arguments(element, compiler, options)
    values = f"json_array_elements_text(CAST({array} AS json))"
    return f"{number} IN (SELECT CAST(value AS bigint) FROM {values})"  # noqa: S608 -- likewise


def _arguments(
    element: FunctionElement[bool], compiler: SQLCompiler, options: dict[str, object]
) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]
