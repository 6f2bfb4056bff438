package service

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Retry calls try until it succeeds, fails for another reason than that the
// callee is unavailable, or has been called attempts times.
//
// It does what many programs do and no program should: it repeats at once,
// without waiting longer each time and without a budget. One caller that does
// so is harmless. Three above each other, three attempts each, turn one request
// into twenty-seven as soon as the lowest service sheds load, which is what
// keeps it down: a retry storm. The company has one so that it can be seen.
func Retry(ctx context.Context, attempts int, try func(context.Context) error) error {
	var err error
	for range attempts {
		err = try(ctx)
		if err == nil || !unavailable(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// unavailable reports whether a callee said that it cannot answer now.
func unavailable(err error) bool {
	var e *StatusError
	if errors.As(err, &e) {
		return e.Code == http.StatusServiceUnavailable
	}
	return status.Code(err) == codes.Unavailable
}
