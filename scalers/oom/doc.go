// Package oom turns what pods report into OOM kills, and judges each: was it the container that outgrew its limit, or
// the node that ran out of memory, and is it answered already?
//
// It needs no metrics: crashing pods have none. A [Sighting] is what one reading of a pod's status says of one
// container (an ordinary one, an init container or a sidecar). [Sighting.Kills] reads both its present state and its
// last state, so that a kill is found whichever of the seven transitions the kubelet's coalesced reports show
// (docs/concepts.md, "Detecting an OOM kill"). A [Kill] is identified by [Key]; the same kill seen again, after a
// re-list, a restart or by another leader, has the same key. [Judge] says which [decision.KillClass] it is.
//
// The package is pure: values in, values out. Reading pods and remembering answered kills is the caller's part.
package oom
