package sandbox

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// Tenant is a hosted cluster in the sandbox, with the labels of its namespace.
type Tenant struct {
	Name, Layout, Tier, Region, User string

	Pods, Ready int
}

// Tenants returns all tenants by name.
func (s *Sandbox) Tenants(ctx context.Context) ([]Tenant, error) {
	opts := metav1.ListOptions{LabelSelector: tenant.PartOfLabel + "=" + tenant.PartOf, ResourceVersion: "0"}
	namespaces, err := s.client.CoreV1().Namespaces().List(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("listing tenants: %w", err)
	}
	pods, err := s.client.CoreV1().Pods("").List(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("listing the tenants' pods: %w", err)
	}
	total, ready := map[string]int{}, map[string]int{}
	for _, pod := range pods.Items {
		total[pod.Namespace]++
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				ready[pod.Namespace]++
			}
		}
	}
	var tenants []Tenant
	for _, ns := range namespaces.Items {
		l := ns.Labels
		tenants = append(tenants, Tenant{
			Name: ns.Name, Layout: l[tenant.LayoutLabel], Tier: l[tenant.TierLabel], Region: l[tenant.RegionLabel], User: l[tenant.UserLabel],
			Pods: total[ns.Name], Ready: ready[ns.Name],
		})
	}
	return tenants, nil
}

// NextTenantIndex is the number after the highest of the tenants with that prefix; the first is 1.
func (s *Sandbox) NextTenantIndex(ctx context.Context, prefix string) (int, error) {
	namespaces, err := s.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: tenant.PartOfLabel + "=" + tenant.PartOf})
	if err != nil {
		return 0, fmt.Errorf("listing tenants: %w", err)
	}
	next := 1
	for _, ns := range namespaces.Items {
		if digits, ok := strings.CutPrefix(ns.Name, prefix); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				next = max(next, n+1)
			}
		}
	}
	return next, nil
}

// PodsOrPod returns the pod of that name, or the pods of the workload of that name.
func (s *Sandbox) PodsOrPod(ctx context.Context, namespace, name string) ([]corev1.Pod, error) {
	pod, err := s.client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return s.PodsOf(ctx, namespace, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading pod %s/%s: %w", namespace, name, err)
	}
	return []corev1.Pod{*pod}, nil
}
