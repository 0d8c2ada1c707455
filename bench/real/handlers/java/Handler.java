// Java handler: writes lines of many kinds, and says of each, before it writes it, what kind it is and what it reports.
// It says so to the Runtime API that runs it, at a path which Lambda has not, so that nothing of it stands in the log.

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;

public class Handler implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    private static final boolean MANAGED = System.getenv("AWS_LAMBDA_MAX_CONCURRENCY") != null;
    private static final Logger LOG4J = LogManager.getLogger(Handler.class);
    private static final java.util.logging.Logger JUL = java.util.logging.Logger.getLogger("orders");

    private interface Work {
        void write(Order order, Context context);
    }

    private record Order(long number, String stale, String header, String otherId) {
        String sqs() {
            return "{\"Records\":[{\"messageId\":\"" + otherId + "\",\"body\":\"{\\\"order\\\":" + number + "}\",\"attributes\":{"
                + "\"AWSTraceHeader\":\"" + header + "\"},\"eventSource\":\"aws:sqs\"}]}";
        }

        Map<String, Object> event() {
            return Map.of("Records", List.of(Map.of("messageId", otherId, "attributes", Map.of("AWSTraceHeader", header), "eventSource", "aws:sqs")));
        }
    }

    private record Step(String kind, String truth, Work work) {
        boolean isStale() {
            return truth.contains("stale");
        }
    }

    public static class StockException extends RuntimeException {
        StockException(long order, Throwable cause) {
            super("no stock for order " + order, cause);
        }
    }

    private static final String PLAIN = "";
    private static final String STALE = ",\"stale\":true";
    private static final String ERROR = ",\"error\":true";
    private static final String EXCEPTION = ",\"error\":true,\"exception\":true";

    private static StockException failure(Order order) {
        return new StockException(order.number(), new IllegalStateException("the pool is closed"));
    }

    private static final List<Step> STEPS = new ArrayList<>(List.of(
        new Step("System.out", PLAIN, (order, context) -> System.out.println("order " + order.number() + " accepted")),
        new Step("System.out of several lines", PLAIN, (order, context) -> System.out.println("order " + order.number() + ":\n  2 lines\n  paid")),
        new Step("System.out of an SQS event", PLAIN, (order, context) -> System.out.println(order.event())),
        new Step("System.out of an SQS event as JSON", PLAIN, (order, context) -> System.out.println(order.sqs())),
        new Step("System.out that names a stale trace", STALE,
            (order, context) -> System.out.println("order-" + order.number() + " trace_id=" + order.stale())),
        new Step("System.out of JSON that names a stale trace", STALE,
            (order, context) -> System.out.println("{\"xray_trace_id\":\"" + order.stale() + "\"}")),
        new Step("System.out of JSON that names another service's request id", PLAIN,
            (order, context) -> System.out.println("{\"requestId\":\"" + order.otherId() + "\",\"service\":\"dynamodb\"}")),
        new Step("System.out of text that names another service's request id", PLAIN,
            (order, context) -> System.out.println("answered (Service: DynamoDb, Status Code: 200, Request ID: " + order.otherId() + ")")),
        new Step("LambdaLogger", PLAIN, (order, context) -> context.getLogger().log("order " + order.number() + " accepted\n")),
        new Step("LambdaLogger of an SQS event", PLAIN, (order, context) -> context.getLogger().log("EVENT: " + order.sqs() + "\n")),
        new Step("LambdaLogger that names a stale trace", STALE,
            (order, context) -> context.getLogger().log("order-" + order.number() + " trace_id=" + order.stale() + "\n")),
        new Step("LambdaLogger info", PLAIN, (order, context) -> context.getLogger().log("order " + order.number() + " accepted\n", LogLevel.INFO)),
        new Step("LambdaLogger warn", PLAIN,
            (order, context) -> context.getLogger().log("order " + order.number() + ": no error yet, but slow\n", LogLevel.WARN)),
        new Step("LambdaLogger error", ERROR, (order, context) -> context.getLogger().log("order " + order.number() + " refused\n", LogLevel.ERROR)),
        new Step("LambdaLogger fatal", ERROR, (order, context) -> context.getLogger().log("the pool is gone\n", LogLevel.FATAL)),
        new Step("log4j info", PLAIN, (order, context) -> LOG4J.info("order {} accepted", order.number())),
        new Step("log4j of an SQS event", PLAIN, (order, context) -> LOG4J.info("event {}", order.event())),
        new Step("log4j that names a stale trace", STALE, (order, context) -> LOG4J.info("order-{} trace_id={}", order.number(), order.stale())),
        new Step("log4j warn", PLAIN, (order, context) -> LOG4J.warn("order {}: no error yet, but slow", order.number())),
        new Step("log4j error", ERROR, (order, context) -> LOG4J.error("order {} refused", order.number())),
        new Step("log4j error with an exception", EXCEPTION, (order, context) -> LOG4J.error("order {} failed", order.number(), failure(order))),
        new Step("log4j warn with an exception", EXCEPTION, (order, context) -> LOG4J.warn("order {} failed", order.number(), failure(order))),
        new Step("java.util.logging info", PLAIN, (order, context) -> JUL.info("order " + order.number() + " accepted")),
        new Step("java.util.logging severe", ERROR, (order, context) -> JUL.severe("order " + order.number() + " refused")),
        new Step("java.util.logging severe with an exception", EXCEPTION,
            (order, context) -> JUL.log(java.util.logging.Level.SEVERE, "order failed", failure(order))),
        new Step("System.err", PLAIN, (order, context) -> System.err.println("order " + order.number() + " accepted")),
        new Step("printStackTrace", EXCEPTION, (order, context) -> failure(order).printStackTrace()),
        new Step("System.out of an exception", EXCEPTION, (order, context) -> System.out.println(failure(order))),
        new Step("harmless words", PLAIN,
            (order, context) -> System.out.println("order " + order.number() + ": 0 errors, java.io.IOException was retried and is handled")),
        new Step("harmless answer", PLAIN,
            (order, context) -> System.out.println("{\"statusCode\":200,\"body\":\"{\\\"error\\\":null}\"}"))
    ));

    static {
        if (System.getenv("INIT_LINES") != null) {
            System.out.println("loading the configuration");
            LOG4J.info("connecting to the database");
        }
    }

    @Override
    @SuppressWarnings("unchecked")
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        Map<String, String> foreign = (Map<String, String>) event.get("foreign");
        Order order = new Order(number(event, "order"), (String) event.get("stale"), foreign.get("header"), foreign.get("id"));
        int first = (int) number(event, "first");
        for (int place = first; place < first + number(event, "count"); place++) {
            Step step = STEPS.get(place % STEPS.size());
            if (step.isStale() && (MANAGED || order.stale().isEmpty())) {
                continue;
            }
            tell(step.kind(), context, step.truth());
            step.work().write(order, context);
        }
        tell("end of the handler", context, PLAIN);
        return finish((String) event.get("end"), order, context);
    }

    private static Map<String, Object> finish(String end, Order order, Context context) {
        switch (end) {
            case "throw" -> {
                tell("uncaught exception", context, EXCEPTION);
                throw failure(order);
            }
            case "throw of the library" -> {
                tell("uncaught exception of the library", context, EXCEPTION);
                throw new UncheckedIOException(new IOException("connection to stock\nwas reset"));
            }
            case "throw of an Error" -> {
                tell("uncaught Error", context, EXCEPTION);
                throw new AssertionError("order " + order.number() + " is odd");
            }
            case "exit" -> System.exit(1);
            case "memory" -> kill();
            case "timeout" -> sleep();
            default -> { }
        }
        return Map.of("statusCode", 200, "body", "order " + order.number());
    }

    private static long number(Map<String, Object> event, String name) {
        return ((Number) event.get(name)).longValue();
    }

    private static void kill() {
        try {
            new ProcessBuilder("kill", "-9", String.valueOf(ProcessHandle.current().pid())).start();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        sleep();
    }

    private static void sleep() {
        try {
            Thread.sleep(60_000);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private static void tell(String kind, Context context, String truth) {
        String body = "{\"kind\":\"" + kind + "\",\"requestId\":\"" + context.getAwsRequestId() + "\"" + truth + "}";
        try {
            HttpURLConnection connection =
                (HttpURLConnection) URI.create("http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/truth").toURL().openConnection();
            connection.setRequestMethod("POST");
            connection.setDoOutput(true);
            connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
            connection.getInputStream().readAllBytes();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
