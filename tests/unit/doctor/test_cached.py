"""What the doctor reads, it reads once."""

import pytest

from pipeline.doctor.cached import Cached, cached_read
from pipeline.errors import UnavailableError


def test_facts_are_read_once():
    """An answer and a failure are kept; another argument is another fact."""

    class Facts(Cached):
        asked = 0

        @cached_read
        def fact(self, number):
            self.asked += 1
            if number == 2:
                raise UnavailableError("away")
            return number

    facts = Facts()
    assert [facts.fact(1), facts.fact(1)] == [1, 1]
    for _ in range(2):
        with pytest.raises(UnavailableError, match="away"):
            facts.fact(2)
    assert facts.asked == 2
