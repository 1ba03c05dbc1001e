package fleet

import "github.com/metapilot/metapilot/apis/v1alpha1"

// trimProfile leaves the data of a checkpoint out: kilobytes that are read once, at the start, from the API server. That
// there is a checkpoint stays visible.
func trimProfile(p *v1alpha1.WorkloadProfile) *v1alpha1.WorkloadProfile {
	p.ManagedFields = nil
	if p.Status.Checkpoint != nil {
		p.Status.Checkpoint = &v1alpha1.ProfileCheckpoint{Time: p.Status.Checkpoint.Time}
	}
	return p
}
