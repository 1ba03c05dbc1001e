// Package v1alpha1 is the configuration file of Metapilot: apiVersion config.metapilot.dev/v1alpha1, kind Configuration.
//
// A guided tour: configuration_types.go says what can be set; defaults.go is the one place where defaults live; [Load] and
// [Decode] (decode.go) read a file strictly, over the defaults; [Validate] (validate.go) checks the values. An error names the
// file, the line, the field and what to write instead, since the reader is a person who has just mistyped something.
//
// What is absent keeps its default. What is written is taken as it stands: an explicit 0 is 0 and not "the default", so
// that a wrong value is told and not replaced. There is no float, bool, map or duration: time is …Seconds int32, a switch
// is Enabled or Disabled.
package v1alpha1
