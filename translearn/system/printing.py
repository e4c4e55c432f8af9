"""Text of others as it may be shown: names of files and runs are anybody's."""

import re

# Control characters, which a terminal obeys, and marks that turn the direction of what follows.
OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


FORMULA = re.compile(
    "\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]"
)  # how a cell begins that is worked out


NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def printable(text: str) -> str:
    """A text without what a terminal would obey; line breaks and tabs stay."""
    return OBEYED.sub("", text)


def cell(value: object) -> object:
    """A value for a cell of a CSV file: a number as it is, and no text that is a formula.

    A text that a spreadsheet would work out gets the sign ``'`` before it.
    """
    if value is None or isinstance(value, int | float):
        return value
    text = printable(str(value))
    formula = FORMULA.match(text) and not NUMBER.fullmatch(text)
    return f"'{text}" if formula else text


def markdown_text(text: str) -> str:
    """A text for a line or a cell of a Markdown table: in one line, and of no meaning in it."""
    line = " ".join(printable(text).split())
    for sign in "\\|`":
        line = line.replace(sign, f"\\{sign}")
    return line.replace("<", "&lt;").replace("](", "]\\(")


def markdown_code(text: str) -> str:
    """A text as code within a line of Markdown, whatever signs are in it."""
    line = " ".join(printable(text).split())
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}" if longest else f"`{line}`"
