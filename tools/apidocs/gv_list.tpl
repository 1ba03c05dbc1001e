{{- define "gvList" -}}
# API reference

Generated from the types in `apis/`; `make generate` writes it anew. What a field is bounded by stands beside it; rules that
concern several fields say what to write when they refuse an object.

{{ range . }}{{ template "gvDetails" . }}
{{ end }}
{{- end -}}
