"""Message template: a message or a path with its variables taken out, so that messages of one cause read the same. Pure.

Tried against drain3, which learns templates from the messages that it has seen: docs/issues.md has the numbers, and why this stays.
"""

import re
from typing import Final

VARIABLE: Final = "*"
"""What stands where a variable stood."""
_LONGEST: Final = 200
_LONGEST_READ: Final = 1000
# scripts whose words run into numbers and into each other: a word of them is no part of a number, a path or an address beside it
_RUN_ON: Final = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005-\u3007\u3021-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_LETTER: Final = rf"(?:\d|(?![{_RUN_ON}])[\w$%+#-])"
# a quotation that nothing ends goes to the end, since texts are cut
_QUOTED: Final = r'"(?:[^"\\]|\\.)*(?:"|$)' "|" r"(?<!\w)'(?:[^'\\]|\\.)*'(?!\w)" "|`[^`]*`|“[^”]*(?:”|$)|\u2018[^\u2019]*\u2019|«[^»]*»"
# as German, Swedish, Danish, Swiss, Chinese and Japanese have them: where one begins, and what ends it
_MARKS: Final = (
    ("„", "“”"), ("\u201a", "\u2018\u2019"), ("”", "”"), ("»", "«"), ("\u2039", "\u203a"), ("\u203a", "\u2039"), ("「", "」"), ("『", "』"),
    ("《", "》"),
)  # fmt: skip
_QUOTED_ELSEWHERE: Final = "|".join(f"{begin}[^{begin}{ends}]*[{ends}]" for begin, ends in _MARKS)
_UNBROKEN: Final = rf"[^\s,;'\"<>()\[\]{{}}{_RUN_ON}]+"
_ADDRESS: Final = rf"[a-zA-Z][\w+.-]{{0,20}}://{_UNBROKEN}|\barn:{_UNBROKEN}|[\w.+-]{{1,64}}@[\w-]+(?:\.[\w-]+)+"
# an address of IPv6, which has eight groups or two colons side by side, and a digit; a hardware address
_NETWORK: Final = (
    r"(?<![\w:])(?=[0-9a-fA-F:]*[0-9])(?:(?:[0-9a-fA-F]{1,4}:){7}|(?:(?:[0-9a-fA-F]{1,4}:){1,6}|:):(?:[0-9a-fA-F]{1,4}:){0,6})"
    r"(?:[0-9a-fA-F]{1,4}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?:%\w{1,20})?(?!\w)|\b[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}\b"
)
_IN_PATH: Final = rf"(?:(?![{_RUN_ON}])[\w.@%+$~=-])+"
_NAME: Final = rf"(?:(?![{_RUN_ON}])[\w.-])+"
_PATH: Final = rf"(?:(?<![\w*])|(?<=[{_RUN_ON}]))(?:~|\.{{1,2}})?(?:/{_IN_PATH})+/?|\b[A-Za-z]:\\[^\s,;'\"<>]+|\b{_NAME}(?:/{_NAME}){{2,}}"
_UUID: Final = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_DAY: Final = r"\b(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?\b"
_MONTH: Final = (
    r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b"
)
# "24 Nov 2026", "Tue, 24 Nov", "24th of": the words of a date change like its numbers
_DATE: Final = (
    rf"{_DAY}[.,]?(?=\s+(?:\d|{_MONTH}))|{_MONTH}\.?(?=[\s-]+\d)|(?:(?<=\d[\s-])|(?<=\d(?:st|nd|rd|th)\s)){_MONTH}"
    r"|(?<=\d )(?:GMT|UTC|AM|PM)\b"
)
# a colon and a comma belong to a number alone: orderId:17 names what is numbered
_WORD: Final = rf"{_LETTER}+(?:(?:[.@]|(?<=\d)[:,](?=\d)){_LETTER}+)*"
_VARIABLES: Final = re.compile(f"{_QUOTED}|{_QUOTED_ELSEWHERE}|{_ADDRESS}|{_UUID}|{_NETWORK}|{_PATH}|{_DATE}")
_WORDS: Final = re.compile(_WORD)
# S3, EC2, node17: a name with a number at its end
_NAMED: Final = re.compile(r"([^\W\d_]+)\d{1,2}")
_HEX: Final = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_DIGIT: Final = re.compile(r"\d")
# lists of any length, and data: variables with nothing but punctuation between
_SERIES: Final = re.compile(r"[\[{(<]*\*[\s,;:=|&\[\]{}()<>+*-]*\*[\]})>]*|[\[{(<]+\*[\]})>]+")
_WHOLLY_QUOTED: Final = re.compile(r"""(['"`])([^'"`]*)\1""")
# the name of an OpenTelemetry server span is its route (OpenTelemetry semantic conventions, "HTTP spans")
_ROUTE: Final = re.compile(r"(?P<method>[A-Z]{1,20} )?(?P<path>/\S*)")
# an encoded id, or a word of more letters than any route has
_LONGEST_PART: Final = 40


def message_template(text: str) -> str:
    """Returns ``text`` in one line, with `*` for numbers, ids, hexadecimal digits, quotations, paths, addresses, dates and series of these.

    A message that is nothing but a quotation, such as a KeyError's, says what is missing: there only what a quotation's words show as a
    variable is taken out.
    """
    said = " ".join(text[:_LONGEST_READ].split())
    whole = _WHOLLY_QUOTED.fullmatch(said)
    masked = _WORDS.sub(_without_number, whole[2] if whole else _VARIABLES.sub(VARIABLE, said))
    return _SERIES.sub(VARIABLE, masked)[:_LONGEST]


def path_template(path: str) -> str:
    """Returns the path of a URL, or the whole URL, as a route's template: ``/orders/*`` of ``/orders/17?x=1``; empty if there is none."""
    _, scheme, behind = path.partition("://")
    if scheme:
        _, slash, rest = behind.partition("/")
        path = slash + rest
    path = re.split(r"[?#;]", path, maxsplit=1)[0]
    return "/".join(_part_template(part) for part in path.split("/"))[:_LONGEST]


def route_template(name: str) -> str:
    """Returns the name of a span that is a route, such as ``GET /orders/17``, as the route's template; empty if it is none."""
    named = _ROUTE.fullmatch(name)
    # some instrumentations put the path itself there
    return f"{named['method'] or ''}{path_template(named['path'])}" if named else ""


def _part_template(part: str) -> str:
    if len(part) > _LONGEST_PART or re.search(r"[@%=:,*]", part):
        return VARIABLE
    # a version of an API is a part of its name
    return part if re.fullmatch(r"v\d{1,2}", part) else _WORDS.sub(_without_number, part)


def _without_number(word: re.Match[str]) -> str:
    text = word[0]
    if not _DIGIT.search(text):
        return VARIABLE if _HEX.fullmatch(text) else text
    named = _NAMED.fullmatch(text)
    return f"{named[1]}{VARIABLE}" if named else VARIABLE
