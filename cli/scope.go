package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/cli/show"
)

// Options are what the verbs take from their surroundings.
type Options struct {
	// Out gets answers, Err what is said besides, such as that older records are left out.
	Out, Err io.Writer
	// In answers questions.
	In io.Reader
	// Clock says what time it is.
	Clock clock.PassiveClock
	// UserAgent is how the API server is greeted.
	UserAgent string
}

// Commands are the verbs.
func Commands(o Options) []*cobra.Command {
	return []*cobra.Command{newHistory(o), newExplain(o), newReport(o), newDoctor(o), newPause(o), newResume(o)}
}

// scope is the flags that verbs share.
type scope struct {
	Options
	location
	namespace string
	all       bool
	output    string
	formats   []show.Format
}

// addTo adds the flags to a verb, with -A where several tenants may be meant.
func (s *scope) addTo(c *cobra.Command, several bool, formats ...show.Format) {
	s.formats = formats
	flags := c.Flags()
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "file that leads to the cluster; without it $KUBECONFIG or ~/.kube/config")
	flags.StringVar(&s.context, "context", "", "context of the kubeconfig to use")
	flags.StringVar(&s.as, "as", "", "user to act as")
	flags.StringArrayVar(&s.asGroups, "as-group", nil, "group to act as; may be repeated")
	flags.StringVarP(&s.namespace, "namespace", "n", "", "namespace of the tenant; without it the context's")
	if several {
		flags.BoolVarP(&s.all, "all-namespaces", "A", false, "all tenants")
	}
	if len(formats) > 0 {
		names := show.Names(formats)
		flags.StringVarP(&s.output, "output", "o", names[0], "how to write it: one of "+strings.Join(names, ", "))
		s.complete(c, "output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	}
	s.complete(c, "namespace", s.completeTenants)
	s.complete(c, "context", s.completeContexts)
	if c.ValidArgsFunction == nil {
		c.ValidArgsFunction = s.completeArgs
	}
}

// complete registers a flag's completion; that fails only for a flag that is not there.
func (s *scope) complete(c *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err)
	}
}

func (s *scope) format() (show.Format, error) {
	format, err := show.ParseFormat(s.output, s.formats)
	if err != nil {
		return "", UsageError{err}
	}
	return format, nil
}

// tenant gives the namespace that is meant: by the argument TENANT, -n, or the kubeconfig's context; "" is all.
func (s *scope) tenant(args []string) (string, error) {
	named := ""
	if len(args) > 0 {
		named = args[0]
	}
	switch {
	case s.all && (named != "" || s.namespace != ""):
		return "", usagef("-A means all tenants and %s one: leave out one of the two", firstOf(named, s.namespace))
	case s.all:
		return "", nil
	case named != "" && s.namespace != "" && named != s.namespace:
		return "", usagef("TENANT %s and -n %s are two tenants: write one of them", named, s.namespace)
	case named != "" || s.namespace != "":
		return firstOf(named, s.namespace), nil
	}
	namespace, _, err := s.loader().Namespace()
	if err != nil {
		return "", UsageError{fmt.Errorf("finding the context's namespace (write --kubeconfig FILE, or -n NAMESPACE): %w", err)}
	}
	return namespace, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s *scope) connect() (*connection, error) { return s.location.connect(s.UserAgent) }

// colour tells whether answers are written in colour: on a terminal that has not refused it (https://no-color.org).
func (s *scope) colour() bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	return isTerminal(s.Out)
}

func isTerminal(of any) bool {
	file, ok := of.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
