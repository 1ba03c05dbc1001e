package v1alpha1

// ScaleDown is what holds for the scale-downs of the whole fleet: how many may begin within a time, and when nothing shrinks.
type ScaleDown struct {
	// windowSeconds is the time over which scale-downs are counted, and within which tenants that begin to want less do so
	// at once. Default 3600.
	WindowSeconds int32 `json:"windowSeconds,omitempty"`
	// maxPercent of the tenants may have a component made smaller within the window. Default 5.
	MaxPercent int32 `json:"maxPercent,omitempty"`
	// minimum is how many may be made smaller within the window, however few the tenants are. Default 1.
	Minimum int32 `json:"minimum,omitempty"`
	// maxBlindPercent of the tenants may lack signals; with more of them nothing shrinks anywhere. Default 20.
	MaxBlindPercent int32 `json:"maxBlindPercent,omitempty"`
	// maxAgreePercent of the tenants may begin to want less within the window; with more of them nothing shrinks until the
	// window is over, since an error of measurement is likelier. Default 50.
	MaxAgreePercent int32 `json:"maxAgreePercent,omitempty"`
}
