// Package actuate carries out the size that a ScalingRecord has decided on: in place on every pod, then in the
// workload's template, without restarting a pod, and so that dying half-way never leaves anything behind.
//
// [Actuator.Advance] is called whenever something may have moved. It looks at the world, takes what step it can, says how
// far it has come ([Progress]), and never waits. It has no memory: the phase and the timeline of the record, and what is
// on the objects, is all it goes by.
//
//	Begun       every pod is ordered the size (pods/resize), in parallel, before anything is read      → Resized
//	Resizing    wait for the kubelets. Deferred or faulty for too long, Infeasible, refused → Fallback → Actuated
//	Converging  bring the template in line without a restart                                           → Converged
//	RollingOut  (after Fallback) write the template and let the workload's rolling update do it        → RolledOut
//	Watching    tell when another writer has undone it
//
// # Choices
//
//   - With the template policy Leave there is no fallback: Infeasible fails with a message, Deferred waits on.
//   - A quota, a limit range or a change of the QoS class is no reason to roll: new pods would be refused as well, or
//     come up in another class. The record fails and says what to change.
//   - A workload that somebody paused or scaled to zero is not touched; the record waits and says so.
//   - A rollout that gets stuck is undone and the record fails: old pods that run beat new ones that find no node.
//   - Who owns a workload ([ForeignOwner]) is the caller's to ask before a record is made: a record with the policy
//     Converge means that the template may be written.
//
// # The template without a restart
//
// A controller rolls when it sees a template that is not that of the pods. So both sides are changed while it holds
// still, and at each step we wait for the proof that it has seen the step before (deployment.go, statefulset.go say
// which). An intent on the workload ([AnnotationIntent], with the label [LabelConverging]) says what is going on and
// what must be put back; it comes with the same patch that makes the controller hold still and goes with the one that
// lets it go on. Both patches are refused (409) when anybody has written to the workload since it was read: nobody's
// edit is overwritten. Which step is next is read off the objects, so any Actuator can go on at any point, by Advance
// or, without a record, by [Actuator.Recover]; [Actuator.Unfinished] finds what needs it.
//
// When a record has ended for whatever reason, call Recover once: it does nothing where there is no intent.
//
// # Where to look
//
//   - actuator.go                 Advance, Change, Progress
//   - resize.go, podstate.go      ordering the size; judging how far a pod has come (pure)
//   - resizing.go                 the phases Begun and Resizing, and when to fall back
//   - converge.go, intent.go      the phase Converging for both kinds; the intent
//   - deployment.go, statefulset.go   the two recipes
//   - recover.go                  finishing without a record
//   - rollout.go                  the phase RollingOut
//   - owner.go, unmanaged.go, revert.go   whose the workload is, who stopped it, who undid it
//   - container.go, patch.go      containers and their sizes; strategic merge patches
package actuate
