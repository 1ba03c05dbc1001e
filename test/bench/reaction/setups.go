package main

// setup is a scaler with its settings. Its tenants' names begin with its name.
type setup struct {
	name    string
	title   string
	explain string
	// vpa is nil for Metapilot.
	vpa *vpaSetup
}

// vpaSetup is how VPA is to treat its tenants.
type vpaSetup struct {
	instance   string // of vpaInstances
	updateMode string
}

// vpaInstance is a recommender and an updater with the same intent.
type vpaInstance struct {
	name        string
	recommender []string
	updater     []string
}

// The instances of VPA. Recommenders share the work by name, updaters by the namespaces that they ignore.
const (
	instanceDefaults = "default" // the name that a recommender has unless told otherwise
	instanceAged     = "aged"
	instanceTuned    = "tuned"
)

// vpaInstances are VPA as it comes, VPA that takes pods of a minute for pods of half a day, and VPA set for nothing but speed.
func vpaInstances() []vpaInstance {
	return []vpaInstance{
		{name: instanceDefaults},
		{
			name: instanceAged,
			// 12 hours by default: from then on a pod is updated also when its request is within the bounds. No benchmark waits
			// for that long.
			updater: []string{"--in-recommendation-bounds-eviction-lifetime-threshold=1m"},
		},
		{
			name: instanceTuned,
			recommender: []string{
				"--recommender-interval=1s",
				"--oom-bump-up-ratio=1.5",
				// Without these two only the killed replica would grow: the others' request stays above a lower bound that
				// is the median, and that is drawn down while there is less than a day of history.
				"--recommendation-lower-bound-memory-percentile=0.95",
				"--confidence-interval-memory=1h",
				"--kube-api-qps=1000", "--kube-api-burst=2000",
			},
			updater: []string{
				"--updater-interval=1s",
				"--in-place-skip-disruption-budget=true", // all replicas at once
				"--min-replicas=1",
				"--evict-after-oom-threshold=24h", // also a container that ran for long before it was killed
				"--kube-api-qps=1000", "--kube-api-burst=2000",
			},
		},
	}
}

// setups are all that take part, in the order of the report. The first is what the others are compared with.
func setups() []setup {
	return []setup{
		{
			name: "metapilot", title: "Metapilot",
			explain: "as it comes: one ClusterScaler for each tenant, in Auto, in place",
		},
		{
			name: "vpa-recreate", title: "VPA, as it comes",
			explain: "all flags at their defaults, update mode Recreate (the default)",
			vpa:     &vpaSetup{instance: instanceDefaults, updateMode: "Recreate"},
		},
		{
			name: "vpa-inplace", title: "VPA, in place",
			explain: "all flags at their defaults, update mode InPlaceOrRecreate",
			vpa:     &vpaSetup{instance: instanceDefaults, updateMode: "InPlaceOrRecreate"},
		},
		{
			name: "vpa-aged", title: "VPA, in place, old pods",
			explain: "the same, and pods count as older than 12 hours after a minute",
			vpa:     &vpaSetup{instance: instanceAged, updateMode: "InPlaceOrRecreate"},
		},
		{
			name: "vpa-tuned", title: "VPA, tuned for speed",
			explain: "update mode InPlaceOrRecreate, both loops every second, bounds narrowed, disruption budget skipped",
			vpa:     &vpaSetup{instance: instanceTuned, updateMode: "InPlaceOrRecreate"},
		},
	}
}

// The bounds that every scaler is given. The lower ones are the size that the tenants are made with, so nobody has a reason
// to change anything before the kill.
const (
	minCPU, minMemory = "250m", "512Mi"
	maxMemory         = "8Gi"
)
