"""Licence expressions, and what they ask."""

import pytest

from supply_chain.spdx import Kind, kind


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", Kind.PERMISSIVE),
        ("Apache-2.0 WITH LLVM-exception", Kind.PERMISSIVE),
        ("MIT and (BSD-2-Clause OR Zlib)", Kind.PERMISSIVE),
        ("GPL-3.0-only OR MIT", Kind.PERMISSIVE),
        ("MIT OR Made-Up", Kind.PERMISSIVE),
        ("MIT AND GPL-3.0-only", Kind.COPYLEFT),
        ("MIT AND (GPL-2.0-or-later OR LGPL-2.1+)", Kind.COPYLEFT),
        ("AGPL-3.0", Kind.COPYLEFT),
        ("MPL-2.0", Kind.COPYLEFT),
        ("EPL-2.0 OR SSPL-1.0", Kind.COPYLEFT),
        ("GPL-2.0 WITH Classpath-exception-2.0", Kind.COPYLEFT),
        ("GNU General Public License v3 (GPLv3)", Kind.COPYLEFT),
        ("Mozilla Public License 2.0 (MPL 2.0)", Kind.COPYLEFT),
        ("", Kind.UNKNOWN),
        ("BSD", Kind.UNKNOWN),
        ("Other/Proprietary License", Kind.UNKNOWN),
        ("MIT MIT", Kind.UNKNOWN),
        ("MIT AND", Kind.UNKNOWN),
        ("(MIT", Kind.UNKNOWN),
        ("MIT)", Kind.UNKNOWN),
        ("BSD-3-Clause and Public-Domain", Kind.UNKNOWN),
    ],
)
def test_kind(expression, expected):
    """A choice is as good as its best part, a sum as bad as its worst, and what can't be read is never let in."""
    assert kind(expression) is expected
