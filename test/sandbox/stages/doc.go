// Package stages holds what kwok is told to play.
//
// kwok plays birth and death: nodes become ready and keep their lease, pods become ready, jobs complete, deleted pods go.
// What happens to a *running* container (kills, restarts with back-off, resizes, its usage) is played by package kubelet.
// The seam is the pod's phase: every pod stage but the deletion asks for Pending or for a Job's pod, so kwok never writes the
// status of a running component and cannot revert what the kubelet wrote.
//
//   - nodes.yaml    ready, heartbeat
//   - pods.yaml     ready (with resources and allocatedResources, without which the API server refuses pods/resize), complete, delete
//   - metrics.yaml  the resource metrics endpoint metrics-server scrapes, fed by annotations of the pod
package stages
