{{/* One part of the operator, such as (list . "netvsc-webhook"): what its selectors go by. */}}
{{- define "netvsc.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{- define "netvsc.labels" -}}
{{ include "netvsc.selector" . }}
app.kubernetes.io/part-of: netvsc-operator
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
{{- end }}

{{- define "netvsc.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "netvsc.fdpipeImage" -}}
{{ .Values.fdpipe.repository }}:{{ .Values.fdpipe.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "netvsc.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* What every process of ours but the agent runs with. */}}
{{- define "netvsc.locked" -}}
runAsUser: 65532
runAsGroup: 65532
runAsNonRoot: true
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "netvsc.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* A ServiceAccount, bound to a ClusterRole of the same name: (list . "netvsc-webhook"). */}}
{{- define "netvsc.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ index . 1 }}
  namespace: {{ (index . 0).Release.Namespace }}
  labels: {{- include "netvsc.labels" . | nindent 4 }}
automountServiceAccountToken: false  # the pods that need it say so
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ index . 1 }}
  labels: {{- include "netvsc.labels" . | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ index . 1 }}}
subjects:
- {kind: ServiceAccount, name: {{ index . 1 }}, namespace: {{ (index . 0).Release.Namespace }}}
{{- end }}
