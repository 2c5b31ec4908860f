{{/* The name of everything that is made: the release's, with what it is where the release does not say so. */}}
{{- define "sentry-operator.name" -}}
{{- if contains "sentry-operator" .Release.Name -}}
{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-sentry-operator" (.Release.Name | trunc 37 | trimSuffix "-") }}
{{- end -}}
{{- end -}}

{{/* By these the operator's pods are found; the NetworkPolicies of gateways admit it by the first. */}}
{{- define "sentry-operator.selectorLabels" -}}
app.kubernetes.io/name: sentry-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sentry-operator.labels" -}}
{{ include "sentry-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sentry-gateway
{{- end -}}

{{/* repository@digest or repository:tag. Takes {image, context}. */}}
{{- define "sentry-operator.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .context.Chart.AppVersion }}
{{- end -}}
{{- end -}}
