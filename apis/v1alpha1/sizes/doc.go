// Package sizes is the one bridge between the API's quantities and the values of package size.
//
// Inwards: [FromAPI] and [AmountsFromAPI] read the types of v1alpha1, [OfContainer] reads what a container has.
// Outwards: [ToAPI] and [AmountsToAPI] write the types of v1alpha1, [Resources] writes what a container is given.
//
// Whatever is not a positive amount is absent, never zero: a quantity that is missing, zero (Kubernetes takes a limit
// or a request of 0 as none), negative, or larger than can be reckoned with. Fractions of a millicore and of a byte
// are rounded up, as Kubernetes does.
//
// The package is an edge: the pure packages (estimators, controllers/plan) must not import it.
package sizes
