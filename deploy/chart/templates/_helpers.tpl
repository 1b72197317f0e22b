{{- define "transfergate.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "transfergate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "transfergate.labels" -}}
{{ include "transfergate.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "transfergate.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The Caddyfile. Its health is a site of the chart's, so that probes see what is so. */}}
{{- define "transfergate.caddyfile" -}}
{
	# Ports that take no privilege.
	http_port 8000
	https_port 8443
	metrics
{{- with .Values.config.globals }}
{{ . | trim | replace "\n" "\n\t" | printf "\t%s" }}
{{- end }}

	transfer {
		node {$NODE} {$NODE_COUNTRY} {$NODE_ENTITY}
		ledger /var/lib/transfergate/ledger{{ with .Values.config.ledger }} {
{{ . | trim | replace "\n" "\n\t\t\t" | printf "\t\t\t%s" }}
		}{{ end }}
{{- with .Values.config.transfer }}
{{ . | trim | replace "\n" "\n\t\t" | printf "\t\t%s" }}
{{- end }}
	}
}

# For probes and Prometheus; no service leads here but the headless one.
http://:8080 {
	transfer_health
	metrics /metrics
}
{{- with .Values.config.sites }}

{{ . | trim }}
{{- end }}
{{ end }}
