"""What the ids of FilterLogEvents and of subscriptions have in common; nothing depends on it (docs/backfill.md)."""

import pytest

# CloudWatch Logs user guide, "Subscription filters with Lambda"
SUBSCRIPTION = [("31953106606966983378809025079804211143289615424298221568", 1_432_826_855_000)]
# API reference, "FilterLogEvents"; and an answer that drinkingtheink/aws_sdk-react-express-node-fe has published, END and REPORT of one moment
FILTER = [
    ("31132629274945519779805322857203735586714454643391594505", 1_396_035_378_988),
    ("34810311100843586390261359008406652003083034459645739008", 1_560_948_335_625),
    ("34810311100843586390261359008406652003083034459645739009", 1_560_948_335_625),
]


@pytest.mark.parametrize(("event_id", "at"), [*SUBSCRIPTION, *FILTER])
def test_both_begin_with_the_time(event_id, at):
    """The bits from the 144th on are milliseconds since the epoch, whichever of the two shows the id."""
    assert (len(event_id), int(event_id) >> 144) == (56, at)
