package client

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// quote writes a string in YAML, where it can be nothing but a string.
func quote(s string) string { return strconv.QuoteToASCII(strings.ToValidUTF8(s, "\ufffd")) }

// mapping writes a map of strings.
func mapping(m map[string]string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, quote(key)+": "+quote(m[key]))
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// list writes a list of strings.
func list(items []string) string {
	var quoted []string
	for _, item := range items {
		quoted = append(quoted, quote(item))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

var templates = parseTemplates(map[string]string{
	"deployment": `apiVersion: apps/v1
kind: Deployment
{{- template "metadata" .Metadata }}
{{- with .Spec }}
spec:
  replicas: {{ .Replicas }}
  {{- with .Selector }}
  selector:
    matchLabels: {{ object .MatchLabels }}
  {{- end }}
  {{- with .Template }}
  template:
    {{- with .Metadata }}
    metadata:
      labels: {{ object .Labels }}
      annotations: {{ object .Annotations }}
    {{- end }}
    {{- with .PodSpec }}
    spec:
      {{- with .ServiceAccountName }}
      serviceAccountName: {{ quote . }}
      {{- end }}
      containers:
      {{- range .Containers }}
      - name: {{ quote .Name }}
        image: {{ quote .Image }}
        {{- with .Env }}
        env:
        {{- range . }}
        - name: {{ quote .Name }}
          value: {{ quote .Value }}
        {{- end }}
        {{- end }}
        {{- with .Command }}
        command: {{ list . }}
        {{- end }}
        {{- with .Args }}
        args: {{ list . }}
        {{- end }}
        {{- with .Ports }}
        ports:
        {{- range . }}
        - containerPort: {{ .ContainerPort }}
          {{- with .Name }}
          name: {{ quote . }}
          {{- end }}
          {{- with .Protocol }}
          protocol: {{ quote . }}
          {{- end }}
        {{- end }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
`,
	"service": `apiVersion: v1
kind: Service
{{- template "metadata" .Metadata }}
{{- with .Spec }}
spec:
  {{- with .Type }}
  type: {{ quote . }}
  {{- end }}
  selector: {{ object .Selector }}
  {{- with .Ports }}
  ports:
  {{- range . }}
  - port: {{ .Port }}
    {{- with .Name }}
    name: {{ quote . }}
    {{- end }}
    {{- with .Protocol }}
    protocol: {{ quote . }}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}
`,
	"namespace": `apiVersion: v1
kind: Namespace
{{- template "metadata" .Metadata }}
`,
	"secret": `apiVersion: v1
kind: Secret
{{- with .Type }}
type: {{ quote . }}
{{- end }}
{{- template "metadata" .Metadata }}
data: {{ object .Data }}
`,
	"serviceaccount": `apiVersion: v1
kind: ServiceAccount
{{- template "metadata" .Metadata }}
{{- with .ImagePullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ quote .Name }}
{{- end }}
{{- end }}
`,
})

const metadataTemplate = `{{ define "metadata" }}
metadata:
  {{- with . }}
  name: {{ quote .Name }}
  {{- with .Namespace }}
  namespace: {{ quote . }}
  {{- end }}
  {{- with .Labels }}
  labels: {{ object . }}
  {{- end }}
  {{- with .Annotations }}
  annotations: {{ object . }}
  {{- end }}
  {{- else }} {}
  {{- end }}
{{- end }}`

func parseTemplates(texts map[string]string) map[string]*template.Template {
	parsed := make(map[string]*template.Template)
	for kind, text := range texts {
		t := template.New(kind).Funcs(template.FuncMap{"quote": quote, "object": mapping, "list": list})
		parsed[kind] = template.Must(template.Must(t.Parse(metadataTemplate)).Parse(text))
	}
	return parsed
}

// render writes an object of a kind in YAML.
func render(kind string, value any) (io.Reader, error) {
	t := templates[kind]
	if t == nil {
		return nil, fmt.Errorf("unsupported resource: %q cannot be created", kind)
	}
	if value == nil {
		return nil, fmt.Errorf("create %s: there is no object", kind)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, value); err != nil {
		return nil, fmt.Errorf("create %s: %w", kind, err)
	}
	return &b, nil
}
