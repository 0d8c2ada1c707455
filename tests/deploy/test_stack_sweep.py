"""How the template has the sweep run, by schedule or by need, and a collection sleep."""

from pipeline.store.serverless import ServerlessStore
from pipeline.sweep_queue import PERIOD
from tests.support.stack import Stack


def test_the_queue_of_sweeps_is_one_for_need_alone():
    """Where a schedule runs the sweep there is no such queue, and no function knows of one; else no schedule asks OpenSearch but once a day."""
    scheduled, by_need = Stack(), Stack(SweepBy="need")
    ours = {"SweepQueue", "SweepMapping", "SweepWaitsAlarm"}
    assert (ours & set(scheduled.resources), ours & set(by_need.resources)) == (set(), ours)
    assert scheduled.environment("ShipFunction")["TRACEJOIN_SWEEP_QUEUE_URL"] == ""
    assert by_need.environment("ResolveFunction")["TRACEJOIN_SWEEP_QUEUE_URL"] == "<SweepQueue>"
    rates = [stack.resources["Sweep"]["Properties"]["ScheduleExpression"] for stack in (scheduled, by_need)]
    assert rates == ["rate(5 minutes)", "rate(1 day)"]
    for role, sid in (("ShipRole", "AskForASweep"), ("ResolveRole", "SweepAndAskForTheNextSweep")):
        assert sid not in scheduled.allowed(role)
        assert by_need.allowed(role)[sid]["Resource"] == "<SweepQueue.Arn>"


def test_an_asked_for_sweep_comes_when_all_can_see_what_was_written():
    """Who asks at a period's end is done, and its writes show, when the sweep comes that another one asked for at its beginning."""
    resources = Stack(SweepBy="need").resources
    queue, ship, resolve = (resources[name]["Properties"] for name in ("SweepQueue", "ShipFunction", "ResolveFunction"))
    visible, clocks = ServerlessStore.capabilities.visible_after, 60
    assert queue["DelaySeconds"] >= PERIOD + max(ship["Timeout"], resolve["Timeout"]) + visible + clocks
    assert queue["DelaySeconds"] <= 900
    # as for the hints' queue
    assert queue["VisibilityTimeout"] >= 6 * resolve["Timeout"]


def test_no_alarm_goes_off_while_all_sleeps():
    """Each way to sweep has its own alarm of a sweep that stopped: by need one a day is enough."""
    alarms = {by: {name: about["Properties"] for name, about in Stack(SweepBy=by).resources.items() if name.endswith("SweepStoppedAlarm")}
              for by in ("schedule", "need")}  # fmt: skip
    seconds = {name: alarm["Period"] * alarm["EvaluationPeriods"] for found in alarms.values() for name, alarm in found.items()}
    assert [list(found) for found in alarms.values()] == [["SweepStoppedAlarm"], ["DailySweepStoppedAlarm"]]
    assert seconds == {"SweepStoppedAlarm": 1800, "DailySweepStoppedAlarm": 172_800}
    assert all(alarm["TreatMissingData"] == "breaching" for found in alarms.values() for alarm in found.values())


def test_a_collection_that_sleeps_is_in_a_group_of_its_generation():
    """Only such ones scale to zero; a classic one stays what it was."""
    sleeping = Stack(OpenSearch="serverless", CollectionGeneration="nextgen").resources
    assert sleeping["Collection"]["Properties"] | {"CollectionGroupName": "<CollectionGroup>", "StandbyReplicas": "ENABLED",
                                                   "Type": "SEARCH"} == sleeping["Collection"]["Properties"]  # fmt: skip
    group = sleeping["CollectionGroup"]["Properties"]
    assert (group["Generation"], group["StandbyReplicas"]) == ("NEXTGEN", "ENABLED")
    assert {group["CapacityLimits"][f"Min{kind}CapacityInOcu"] for kind in ("Indexing", "Search")} == {0}
    classic = Stack(OpenSearch="serverless").resources
    assert "CollectionGroup" not in classic
    assert classic["Collection"]["Properties"]["StandbyReplicas"] == "DISABLED"
    assert "CollectionGroupName" not in classic["Collection"]["Properties"]
    assert "CollectionGroup" not in Stack(CollectionGeneration="nextgen").resources
