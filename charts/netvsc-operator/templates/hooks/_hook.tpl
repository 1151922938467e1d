{{- define "netvsc.hook" -}}
annotations:
  helm.sh/hook: {{ .hook }}
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-failed
{{- end }}

{{/* A hook's own ServiceAccount: {hook, names}. It comes and goes with the hook. */}}
{{- define "netvsc.hookAccount" -}}
{{- $root := index .names 0 }}
{{- $name := index .names 1 }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "netvsc.labels" .names | nindent 4 }}
  {{- include "netvsc.hook" (dict "hook" .hook "weight" "-2") | nindent 2 }}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $name }}
  labels: {{- include "netvsc.labels" .names | nindent 4 }}
  {{- include "netvsc.hook" (dict "hook" .hook "weight" "-1") | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ $name }}}
subjects:
- {kind: ServiceAccount, name: {{ $name }}, namespace: {{ $root.Release.Namespace }}}
{{- end }}

{{/* {root, names, command, seconds}: one pod, one try, the command's last words as its message. */}}
{{- define "netvsc.hookJob" -}}
{{- $name := index .names 1 -}}
backoffLimit: 0
activeDeadlineSeconds: {{ .seconds }}
template:
  metadata:
    labels: {{- include "netvsc.labels" .names | nindent 6 }}
  spec:
    serviceAccountName: {{ $name }}
    automountServiceAccountToken: true
    restartPolicy: Never
    {{- include "netvsc.placement" .root.Values.controller | nindent 4 }}
    {{- include "netvsc.pullSecrets" .root | nindent 4 }}
    containers:
    - name: {{ $name }}
      image: {{ include "netvsc.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: {{ toJson .command }}
      terminationMessagePolicy: FallbackToLogsOnError
      securityContext: {{- include "netvsc.locked" .root | nindent 8 }}
      resources: {{- toYaml .root.Values.controller.resources | nindent 8 }}
      volumeMounts:
      - {name: tmp, mountPath: /tmp}
    volumes:
    - {name: tmp, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
{{- end }}
