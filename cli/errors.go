package cli

import (
	"context"
	"errors"
	"fmt"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// UsageError is the caller's mistake: it could not be tried.
type UsageError struct{ Err error }

// Error gives the message.
func (e UsageError) Error() string { return e.Err.Error() }

// Unwrap gives what it wraps.
func (e UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// advised adds to an error of the API server what can be done about it.
func advised(err error, server string) error {
	var network *net.OpError
	switch {
	case err == nil, errors.As(err, new(UsageError)), errors.Is(err, context.Canceled):
		return err
	case noSuchAPI(err):
		return fmt.Errorf("%s does not know Metapilot's API: install it (kubectl apply -k config/crd), or choose another cluster with --context: %w", server, err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w: ask for the permissions that docs/cli.md lists for this verb; metapilot-view and metapilot-edit have them, in a namespace or in all", err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%w: log in to %s again, or choose another user with --context", err, server)
	case apierrors.IsResourceExpired(err):
		return fmt.Errorf("%w: the list took too long to read; try again, or for one tenant with -n", err)
	case errors.As(err, &network):
		return fmt.Errorf("%w: is %s the right cluster? choose with --context or --kubeconfig", err, server)
	default:
		return err
	}
}

// noSuchAPI tells an API that is not served from an object that is not there: only the latter is named.
func noSuchAPI(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || details.Name == ""
}
