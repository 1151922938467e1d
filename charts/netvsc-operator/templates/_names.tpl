{{- define "netvsc.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "netvsc.labels" -}}
app.kubernetes.io/name: netvsc-deviceplugin
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
