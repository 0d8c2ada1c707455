"""App: the Lambda handler that tests run on `awslambdaric`; the event says what it does."""

import logging
import os
import signal
import sys
import time

logging.getLogger().setLevel(logging.INFO)
print("init")


def handler(event, context):
    """Does what ``event["do"]`` names, and returns the order."""
    match event["do"]:
        case "print":
            print(f"order {event['order']}")
            print("two\nlines")
        case "log":
            logging.getLogger().error("order %d\nrefused", event["order"])
        case "raise":
            raise ValueError(f"order {event['order']}")
        case "exit":
            sys.exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(event.get("pause", 30))
            print(f"slept in {context.aws_request_id}")
        case "trace":
            print(os.environ["_X_AMZN_TRACE_ID"])
    return {"order": event["order"]}
