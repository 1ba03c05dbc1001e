package sandbox

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/test/sandbox/components"
	"github.com/metapilot/metapilot/test/sandbox/stages"
)

// nodeLabel marks the nodes the sandbox made.
const nodeLabel = "sandbox.metapilot.dev/node"

// startNodes runs kwok, makes the nodes and waits until all are ready.
func (s *Sandbox) startNodes(ctx context.Context, programs map[string]string, creds *credentials) error {
	kubeconfig := s.files.path("certs", "kwok.kubeconfig")
	if err := creds.writeKubeconfig(kubeconfig, s.config.Host, "sandbox-kwok", mastersGroup); err != nil {
		return err
	}
	config, err := stages.Config()
	if err != nil {
		return err
	}
	configFile := s.files.path("kwok.yaml")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		return fmt.Errorf("writing kwok's configuration: %w", err)
	}
	probe, err := newGetter(creds)
	if err != nil {
		return err
	}
	err = s.startServing(ctx, 1,
		func(ports []int) (*running, error) {
			return s.run(components.Kwok, ports[0], programs[components.Kwok],
				"--kubeconfig="+kubeconfig, "--config="+configFile, "--manage-all-nodes",
				"--node-ip=127.0.0.1", fmt.Sprintf("--node-port=%d", ports[0]), "--cidr=10.0.0.0/8",
				"--tls-cert-file="+creds.serverCert, "--tls-private-key-file="+creds.serverKey,
			)
		},
		func(ctx context.Context, ports []int) error {
			return probe.ok(ctx, loopback("https", ports[0])+"/healthz")
		},
	)
	if err != nil {
		return err
	}
	if err := s.createNodes(ctx); err != nil {
		return err
	}
	return s.waitNodes(ctx)
}

func (s *Sandbox) createNodes(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range s.options.Nodes {
		group.Go(func() error {
			node := newNode(i, s.options.NodeSize)
			if _, err := s.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
				return fmt.Errorf("making node %s: %w", node.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// newNode is a node of a platform's fleet: three zones, and the path metrics-server must ask for it.
func newNode(i int, size NodeSize) *corev1.Node {
	name := fmt.Sprintf("node-%03d", i)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: size.CPU, corev1.ResourceMemory: size.Memory, corev1.ResourcePods: *resource.NewQuantity(int64(size.Pods), resource.DecimalSI),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				nodeLabel: "true", corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
				corev1.LabelTopologyZone: fmt.Sprintf("zone-%c", 'a'+i%3), corev1.LabelTopologyRegion: "region-1",
			},
			Annotations: map[string]string{"metrics.k8s.io/resource-metrics-path": "/metrics/nodes/" + name + "/metrics/resource"},
		},
		Status: corev1.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}, {Type: corev1.NodeHostName, Address: name}},
		},
	}
}

// waitNodes waits until every node of the sandbox is Ready and, with controllers, may be scheduled on.
func (s *Sandbox) waitNodes(ctx context.Context) error {
	return poll(ctx, readyTimeout, func(ctx context.Context) error {
		nodes, err := s.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: nodeLabel})
		if err != nil {
			return fmt.Errorf("listing nodes: %w", err)
		}
		ready := 0
		for _, node := range nodes.Items {
			if nodeReady(node) {
				ready++
			}
		}
		if ready < s.options.Nodes {
			return fmt.Errorf("%d of %d nodes are ready", ready, s.options.Nodes)
		}
		return nil
	})
}

func nodeReady(node corev1.Node) bool {
	if len(node.Spec.Taints) > 0 {
		return false
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
