// Package vpa sizes a container by the Vertical Pod Autoscaler's own library, with its defaults: the algorithm VPA, for
// those who trust it, and the peer with which every other algorithm is compared.
//
// A [State] is model.ContainerState for each replica over one model.AggregateContainerState, and its sizes are those of
// logic.PodResourceRecommender: nothing is reckoned here. It stands beside the profiles.State of the container, which
// keeps what every algorithm shares, and is a profiles.Algorithm:
//
//	verdicts := state.Add(now, sample)    // profiles.State
//	peer.Add(now, sample)                 // vpa.State
//	state.Recommend(now, peer, bounds)
//
// One thing is better than in VPA: a checkpoint keeps the peak of the running day, so that a restart does not take the
// memory of an OOM kill back.
//
// The package is not in the pure ring, though it computes only: VPA's model package imports its API's client, klog and
// Prometheus.
package vpa
