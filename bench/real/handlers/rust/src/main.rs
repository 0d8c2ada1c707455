// Rust handler: writes lines of many kinds, and says of each, before it writes it, what kind it is and what it reports.
// It says so to the Runtime API that runs it, at a path which Lambda has not, so that nothing of it stands in the log.

use lambda_runtime::{run_concurrent, service_fn, Context, Error, LambdaEvent};
use serde::Deserialize;
use serde_json::{json, Value};
use std::io::{Read, Write};
use std::net::TcpStream;

#[derive(Deserialize)]
struct Foreign {
    header: String,
    id: String,
}

#[derive(Deserialize)]
struct Event {
    first: usize,
    count: usize,
    end: String,
    order: u32,
    stale: String,
    foreign: Foreign,
}

#[derive(Debug)]
struct StockError {
    order: u32,
}

impl std::fmt::Display for StockError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "no stock for order {}", self.order)
    }
}

impl std::error::Error for StockError {}

fn sqs(event: &Event) -> Value {
    json!({"Records": [{"messageId": event.foreign.id, "eventSource": "aws:sqs",
        "attributes": {"AWSTraceHeader": event.foreign.header, "SentTimestamp": "1700000000000"}}]})
}

type Write_ = fn(&Event);

const STEPS: &[(&str, &str, Write_)] = &[
    ("println", "", |event| println!("order {} accepted", event.order)),
    ("println of several lines", "", |event| {
        println!("order {}:\n  2 lines\n  paid", event.order)
    }),
    ("println of Debug", "", |event| println!("{:?}", (event.order, None::<StockError>))),
    ("println of an SQS event", "", |event| println!("{}", sqs(event))),
    ("println of an SQS event as Debug", "", |event| println!("{:?}", sqs(event))),
    ("println that names a stale trace", "stale", |event| {
        println!("order-{} trace_id={}", event.order, event.stale)
    }),
    ("JSON that names a stale trace", "stale", |event| {
        println!("{}", json!({"xray_trace_id": event.stale}))
    }),
    ("JSON that names another service's request id", "", |event| {
        println!("{}", json!({"requestId": event.foreign.id, "service": "dynamodb"}))
    }),
    ("tracing info", "", |event| tracing::info!(order = event.order, "order accepted")),
    ("tracing of an SQS event", "", |event| tracing::info!(event = %sqs(event), "event")),
    ("tracing that names a stale trace", "stale", |event| {
        tracing::info!(trace_id = event.stale, "order accepted")
    }),
    ("tracing warn", "", |event| {
        tracing::warn!(order = event.order, "no error yet, but slow")
    }),
    ("tracing error", "error", |event| {
        tracing::error!(order = event.order, "order refused")
    }),
    (
        "tracing error with an error",
        "error",
        |event| tracing::error!(error = %StockError { order: event.order }, "order failed"),
    ),
    ("tracing error with an error as Debug", "error", |event| {
        tracing::error!("order failed: {:?}", StockError { order: event.order })
    }),
    ("eprintln", "", |event| eprintln!("order {} accepted", event.order)),
    ("harmless words", "", |event| {
        println!("order {}: 0 errors, Err was retried, it panicked yesterday", event.order)
    }),
    ("harmless answer", "", |_| println!("{}", json!({"statusCode": 200, "error": null}))),
];

fn tell(kind: &str, truth: &str, context: &Context) {
    let mut content = json!({"kind": kind, "requestId": context.request_id});
    for name in truth.split_whitespace() {
        content[name] = json!(true);
    }
    let (address, body) = (std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap(), content.to_string());
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "POST /truth HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let _ = stream.read(&mut [0; 256]);
}

async fn handle(request: LambdaEvent<Event>) -> Result<Value, Error> {
    let (event, context) = request.into_parts();
    let managed = std::env::var("AWS_LAMBDA_MAX_CONCURRENCY").is_ok();
    for number in event.first..event.first + event.count {
        let (kind, truth, write) = STEPS[number % STEPS.len()];
        if truth == "stale" && (managed || event.stale.is_empty()) {
            continue;
        }
        tell(kind, truth, &context);
        write(&event);
    }
    tell("end of the handler", "", &context);
    match event.end.as_str() {
        "return of an error" => {
            tell("returned error", "error", &context);
            return Err(Box::new(StockError { order: event.order }));
        }
        "panic" => {
            tell("panic", "error exception", &context);
            panic!("order {} cannot be placed", event.order);
        }
        "unwrap" => {
            tell("unwrap of an error", "error exception", &context);
            Err::<(), _>(StockError { order: event.order }).unwrap();
        }
        "exit" => std::process::exit(1),
        "timeout" => tokio::time::sleep(std::time::Duration::from_secs(60)).await,
        _ => {}
    }
    Ok(json!({"statusCode": 200, "order": event.order}))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::tracing::init_default_subscriber();
    if std::env::var("INIT_LINES").is_ok() {
        println!("loading the configuration");
    }
    // one after another where Lambda asks for no more
    run_concurrent(service_fn(handle)).await
}
