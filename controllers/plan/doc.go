// Package plan decides, for one component, what size it should have: [Decide] takes a [Snapshot] of all that is known
// and gives a [Plan]. It is total and pure: no error, no I/O, no clock; the same snapshot gives the same plan. Live,
// dry run and simulation run this very code.
//
// Decide first finds what is demanded (demand.go): growth because a container was OOM-killed, growth to the minimum,
// a larger request because the node ran out of memory, or nothing. It then proposes a size (propose.go): every
// estimator's answer, the largest of them, bounded by the component's bounds and by the largest node, with the QoS
// class kept. Last it asks the gates (gates.go) in the order of [decision.Gates]; the first that holds is the reason
// the user sees. Urgent growth passes some of them unasked.
package plan
