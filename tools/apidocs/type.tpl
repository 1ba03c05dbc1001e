{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type }}

### {{ $type.Name }}

{{ $type.Doc }}
{{- if $type.IsAlias }}

A {{ markdownRenderTypeLink $type.UnderlyingType }}.
{{- end }}
{{- if $type.References }}

Appears in:
{{- range $i, $reference := $type.SortedReferences }}{{ if $i }},{{ end }} {{ markdownRenderTypeLink $reference }}{{ end }}.
{{- end }}
{{- if $type.Members }}

| Field | Description | Default | Bounds |
| --- | --- | --- | --- |
{{- if $type.GVK }}
| `apiVersion` _string_ | `{{ $type.GVK.Group }}/{{ $type.GVK.Version }}` | | |
| `kind` _string_ | `{{ $type.GVK.Kind }}` | | |
{{- end }}
{{- range $type.Members }}
| `{{ .Name }}` _{{ markdownRenderType .Type }}_ | {{ template "type_members" . }} | {{ markdownRenderDefault .Default }} | {{ template "bounds" .Validation }} |
{{- end }}
{{- end }}
{{- if $type.EnumValues }}

| Value | Meaning |
| --- | --- |
{{- range $type.EnumValues }}
| `{{ .Name }}` | {{ markdownRenderFieldDoc .Doc }} |
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "bounds" -}}
{{- range . -}}
{{- if not (or (eq . "Optional: {}") (eq . "XIntOrString: {}") (eq . "Type: string")) }}{{ if eq . "Required: {}" }}required{{ else }}{{ markdownRenderFieldDoc . }}{{ end }}<br />{{ end -}}
{{- end -}}
{{- end -}}
