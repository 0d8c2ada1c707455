"""Highlights: marks that OpenSearch sets around matched words, and a text in pieces at these marks. Pure but for the random marks."""

import re
import secrets

Marks = tuple[str, str]


def new_marks() -> Marks:
    """Returns two texts that mark the start and the end of a match. They are random, so that no logged text holds them."""
    nonce = secrets.token_hex(8)
    return f"\ue000{nonce}\ue001", f"\ue000{nonce}\ue002"


def marked_parts(text: str, marks: Marks) -> list[tuple[str, bool]]:
    """Returns ``text`` in pieces, without the marks, each with whether it matched; at least one piece."""
    start, end = marks
    parts: list[tuple[str, bool]] = []
    matched = False
    for piece in re.split(f"({re.escape(start)}|{re.escape(end)})", text):
        if piece in marks:
            matched = piece == start
        elif piece or not parts:
            parts.append((piece, matched))
    return parts
