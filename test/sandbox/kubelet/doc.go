// Package kubelet plays the life of running containers on the sandbox's nodes: what a kubelet would report when containers
// are killed, restarted with back-off, resized in place, or use more memory than they may.
//
// [Kubelet] is the loop: it watches pods, hands each changed one to step, and writes the status step returns. All rules are
// in step, which is pure (a pod's status, memory and the time in; status, memory and the time to look again out):
//
//   - step.go        the order of the rules, and the pod's Ready conditions
//   - resize.go      a resize is admitted (or Deferred, Infeasible) and, a moment later, actuated
//   - restart.go     a dead container starts again, at once or after its back-off
//   - backoff.go     the back-off: 10 s doubling to 300 s, forgotten after 10 quiet minutes and by a resize
//   - kill.go        [Kill]: a container as it looks when it has just been killed, step by step or coalesced
//   - status.go      reading and writing container statuses
//   - kubelet.go     the loop; usage.go the loads and what a container uses now
//   - cadvisor.go    what containers use, for Prometheus
//
// Nothing depends on who killed a container: whoever writes a terminated status (a test, `sandbox oom`, this package for a
// container above its limit) finds it restarted as on a real node.
//
// Left out: probes and their delays, images, volumes, init containers that end (kwok reports them as completed), and a
// node's memory as a whole.
package kubelet
