// Package estimators says how large a component should be, and why.
//
// An [Estimate] is one estimator's answer: a target, the bounds between which the component's size is as good, and the
// reason in a sentence. An estimator that has no data answers with an absent target, which is not zero and takes no
// part. [OOM] answers OOM kills; [Profile] gives what the workload needs by its
// history, [Utilization] by its present use; [Combined] combines answers. Everything is pure, and in the unit of the container's
// ceiling: its limit, or its request where it has no limit.
package estimators
