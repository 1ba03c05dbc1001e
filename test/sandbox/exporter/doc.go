// Package exporter serves what simulated control planes would tell of themselves: the metrics of kube-apiserver,
// kube-controller-manager and kube-scheduler, and pressure stall counters of cAdvisor, under their real names, with the labels
// namespace, pod and container.
//
// An idle component tells what an idle one does: seats by the flags of its own pod, no rejections (and so no row of them), a
// few objects. A [Setting] makes a signal of a component what it says: for a counter its rate. setting.go has what can be set;
// page.go writes the rows.
package exporter
