"""Packed documents: documents of a file's rows as JSON, in which each text stands once. Pure."""

from markupsafe import Markup

from pipeline.web.document_fields import ShownDocument, ShownText
from pipeline.web.script_data import script_json, shown_in_script


class PackedDocuments:
    """Documents by the place of their row, for the script that shows them."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}
        self._documents: dict[int, tuple[object, ...]] = {}

    def add(self, place: int, shown: ShownDocument) -> None:
        """Adds the document of the row at ``place``."""
        body = [self._text(shown.body)] if shown.body else []
        exceptions = [(self._known(each.type), self._known(each.message), self._text(each.stack)) for each in shown.exceptions]
        fields = [(self._known(name), self._text(text)) for name, text in shown.fields]
        self._documents[place] = (self._known(shown.kind), self._known(shown.title), body, exceptions, fields, shown.more_fields)

    def json(self) -> Markup:
        """Returns them as JSON that can stand in a script element.

        ``texts`` holds each text once, and all else names its place there. ``documents`` holds by the row's place: kind, title, at most one
        message, exceptions (type, message, stack), fields (name, value), and how many fields are left out. A message, a stack and a value
        are pairs of a text and how many of its characters are left out.
        """
        return script_json({"texts": list(self._texts), "documents": self._documents})

    def _text(self, shown: ShownText) -> tuple[int, int]:
        return self._known(shown.text), shown.left_out

    def _known(self, text: str) -> int:
        return self._texts.setdefault(shown_in_script(text), len(self._texts))
