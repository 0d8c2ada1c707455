// Go handler: writes lines of many kinds, and says of each, before it writes it, what kind it is and what it reports.
// It says so to the Runtime API that runs it, at a path which Lambda has not, so that nothing of it stands in the log.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	First   int    `json:"first"`
	Count   int    `json:"count"`
	End     string `json:"end"`
	Order   int    `json:"order"`
	Stale   string `json:"stale"`
	Foreign struct {
		Header string `json:"header"`
		ID     string `json:"id"`
	} `json:"foreign"`
}

type truth struct {
	Kind      string `json:"kind"`
	RequestID string `json:"requestId"`
	Error     bool   `json:"error,omitempty"`
	Exception bool   `json:"exception,omitempty"`
	Stale     bool   `json:"stale,omitempty"`
}

type step struct {
	truth
	write func(context.Context, event)
}

type stockError struct{ order int }

func (e *stockError) Error() string { return fmt.Sprintf("no stock for order %d", e.order) }

var (
	managed     = os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY") != ""
	lambdaSlog  = slog.New(lambdacontext.NewLogHandler())
	slogJSON    = slog.New(slog.NewJSONHandler(os.Stderr, nil))
	slogText    = slog.New(slog.NewTextHandler(os.Stdout, nil))
	plainLogger = log.New(os.Stderr, "orders ", log.LstdFlags|log.Lmicroseconds)
)

func failure(e event) error {
	return fmt.Errorf("order cannot be placed: %w", &stockError{e.Order})
}

func sqs(e event) map[string]any {
	return map[string]any{"Records": []any{map[string]any{
		"messageId": e.Foreign.ID, "eventSource": "aws:sqs",
		"attributes": map[string]any{"AWSTraceHeader": e.Foreign.Header, "SentTimestamp": "1700000000000"},
	}}}
}

func asJSON(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

var steps = []step{
	{truth{Kind: "fmt.Println"}, func(_ context.Context, e event) { fmt.Println("order", e.Order, "accepted") }},
	{truth{Kind: "fmt.Println of several lines"}, func(_ context.Context, e event) { fmt.Printf("order %d:\n  2 lines\n  paid\n", e.Order) }},
	{truth{Kind: "fmt.Printf of a struct"}, func(_ context.Context, e event) {
		fmt.Printf("%+v\n", struct {
			Order int
			Err   error
		}{e.Order, nil})
	}},
	{truth{Kind: "fmt.Println of an SQS event"}, func(_ context.Context, e event) { fmt.Println(sqs(e)) }},
	{truth{Kind: "fmt.Println of an SQS event as JSON"}, func(_ context.Context, e event) { fmt.Println(asJSON(sqs(e))) }},
	{truth{Kind: "fmt.Println that names a stale trace", Stale: true}, func(_ context.Context, e event) { fmt.Printf("order-%d trace_id=%s\n", e.Order, e.Stale) }},
	{truth{Kind: "JSON that names a stale trace", Stale: true}, func(_ context.Context, e event) { fmt.Println(asJSON(map[string]any{"xray_trace_id": e.Stale})) }},
	{truth{Kind: "JSON that names another service's request id"}, func(_ context.Context, e event) {
		fmt.Println(asJSON(map[string]any{"requestId": e.Foreign.ID, "service": "dynamodb"}))
	}},
	{truth{Kind: "text that names another service's request id"}, func(_ context.Context, e event) {
		log.Printf("operation GetItem, https response, RequestID: %s", e.Foreign.ID)
	}},
	{truth{Kind: "log.Println"}, func(_ context.Context, e event) { log.Println("order", e.Order, "accepted") }},
	{truth{Kind: "log with a prefix"}, func(_ context.Context, e event) { plainLogger.Println("order", e.Order, "accepted") }},
	{truth{Kind: "lambdacontext slog info"}, func(ctx context.Context, e event) { lambdaSlog.InfoContext(ctx, "order accepted", "order", e.Order) }},
	{truth{Kind: "lambdacontext slog of an SQS event"}, func(ctx context.Context, e event) { lambdaSlog.InfoContext(ctx, "event", "event", sqs(e)) }},
	{truth{Kind: "lambdacontext slog that names a stale trace", Stale: true}, func(ctx context.Context, e event) { lambdaSlog.InfoContext(ctx, "order accepted", "trace_id", e.Stale) }},
	{truth{Kind: "lambdacontext slog warn"}, func(ctx context.Context, e event) {
		lambdaSlog.WarnContext(ctx, "no error yet, but slow", "order", e.Order)
	}},
	{truth{Kind: "lambdacontext slog error", Error: true}, func(ctx context.Context, e event) { lambdaSlog.ErrorContext(ctx, "order refused", "order", e.Order) }},
	{truth{Kind: "lambdacontext slog error with an error", Error: true}, func(ctx context.Context, e event) { lambdaSlog.ErrorContext(ctx, "order failed", "err", failure(e)) }},
	{truth{Kind: "slog JSON info"}, func(_ context.Context, e event) { slogJSON.Info("order accepted", "order", e.Order) }},
	{truth{Kind: "slog JSON error", Error: true}, func(_ context.Context, e event) { slogJSON.Error("order failed", "error", failure(e)) }},
	{truth{Kind: "slog text info"}, func(_ context.Context, e event) { slogText.Info("order accepted", "order", e.Order) }},
	{truth{Kind: "slog text error", Error: true}, func(_ context.Context, e event) { slogText.Error("order failed", "error", failure(e)) }},
	{truth{Kind: "harmless words"}, func(_ context.Context, e event) {
		log.Printf("order %d: 0 errors, err=nil, the panic of yesterday is mended", e.Order)
	}},
	{truth{Kind: "harmless answer"}, func(_ context.Context, e event) { fmt.Println(asJSON(map[string]any{"statusCode": 200, "error": nil})) }},
}

func tell(content truth, ctx context.Context) {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		content.RequestID = lc.AwsRequestID
	}
	response, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/truth", "application/json", bytes.NewBufferString(asJSON(content)))
	if err == nil {
		response.Body.Close()
	}
}

func handle(ctx context.Context, e event) (map[string]any, error) {
	for number := e.First; number < e.First+e.Count; number++ {
		step := steps[number%len(steps)]
		if step.Stale && (managed || e.Stale == "") {
			continue
		}
		tell(step.truth, ctx)
		step.write(ctx, e)
	}
	tell(truth{Kind: "end of the handler"}, ctx)
	switch e.End {
	case "return of an error":
		tell(truth{Kind: "returned error", Error: true, Exception: true}, ctx)
		return nil, failure(e)
	case "panic":
		tell(truth{Kind: "panic", Error: true, Exception: true}, ctx)
		panic(failure(e))
	case "nil map":
		tell(truth{Kind: "panic of the runtime", Error: true, Exception: true}, ctx)
		var orders map[int]string
		orders[e.Order] = "lost"
	case "panic in a goroutine":
		tell(truth{Kind: "panic in a goroutine", Error: true, Exception: true}, ctx)
		go func() { panic(errors.New("the pool is closed")) }()
		time.Sleep(time.Second)
	case "fatal":
		tell(truth{Kind: "log.Fatal"}, ctx)
		log.Fatalf("order %d: cannot go on", e.Order)
	case "memory":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "timeout":
		time.Sleep(time.Minute)
	}
	return map[string]any{"statusCode": 200, "order": e.Order}, nil
}

func main() {
	if os.Getenv("INIT_LINES") != "" {
		fmt.Println("loading the configuration")
	}
	lambda.Start(handle)
}
