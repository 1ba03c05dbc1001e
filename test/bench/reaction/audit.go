package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/metapilot/metapilot/test/installation"
)

const auditLog = "audit.log"

func serviceAccount(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}

// asker is one whose requests are counted.
type asker struct {
	user, title string
	setups      int // how many setups' tenants it looks after
}

func askers() []asker {
	return []asker{
		{serviceAccount(installation.Namespace, installation.ServiceAccount), "Metapilot's manager", 1},
		{serviceAccount(vpaNamespace, instanceDefaults), "VPA's recommender and updater, as they come", 2},
		{serviceAccount(vpaNamespace, instanceAged), "VPA's recommender and updater, old pods", 1},
		{serviceAccount(vpaNamespace, instanceTuned), "VPA's recommender and updater, tuned for speed", 1},
	}
}

// writeAuditPolicy writes the API server's audit policy, by which it logs who asked for what, and gives its arguments.
func writeAuditPolicy(dir string) (args []string, err error) {
	var users []string
	for _, a := range askers() {
		users = append(users, a.user)
	}
	policy, err := json.Marshal(map[string]any{
		"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
		"omitStages": []string{"RequestReceived", "ResponseStarted"},
		"rules":      []any{map[string]any{"level": "Metadata", "users": users}, map[string]any{"level": "None"}},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the audit policy: %w", err)
	}
	file, err := writeFile(dir, "audit-policy.yaml", policy)
	if err != nil {
		return nil, err
	}
	return []string{"--audit-policy-file=" + file, "--audit-log-path=" + filepath.Join(dir, auditLog)}, nil
}

func writeFile(dir, name string, content []byte) (file string, err error) {
	file = filepath.Join(dir, name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	return file, nil
}

// Requests are how often somebody asked the API server. A watch counts as one read, when it ends. Leases are left out: what
// they cost does not grow with the tenants.
type Requests struct {
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
}

// countRequests counts, by user, what the audit log holds from one time to another.
func countRequests(log io.Reader, from, to time.Time) (map[string]Requests, error) {
	counts := map[string]Requests{}
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return counts, nil // a last line without its end is still being written
		}
		if err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		var event struct {
			Verb     string    `json:"verb"`
			Received time.Time `json:"requestReceivedTimestamp"`
			User     struct {
				Username string `json:"username"`
			} `json:"user"`
			Object struct {
				Resource string `json:"resource"`
			} `json:"objectRef"`
		}
		if err := json.Unmarshal([]byte(strings.TrimSpace(line)), &event); err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		if event.Received.Before(from) || event.Received.After(to) || event.Object.Resource == "leases" {
			continue
		}
		c := counts[event.User.Username]
		switch event.Verb {
		case "get", "list", "watch":
			c.Reads++
		default:
			c.Writes++
		}
		counts[event.User.Username] = c
	}
}
