// Package pki makes the certificates and keys of one sandbox: throw-away authorities, valid for the loopback, written as
// PEM. Nothing of it may be used outside a sandbox.
package pki
