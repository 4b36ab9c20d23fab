{{- define "modelspan.name" -}}
{{- $name := contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) }}
{{- $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* Labels of one part: (dict "root" $ "part" "collector") */}}
{{- define "modelspan.selector" -}}
app.kubernetes.io/name: modelspan
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "modelspan.labels" -}}
{{ include "modelspan.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "modelspan.image" -}}
{{ .root.Values.image.registry }}/{{ .part }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* Of the secret whose key `dsn` is the store's address. */}}
{{- define "modelspan.storeSecret" -}}
{{- $store := .Values.store }}
{{- if $store.existingSecret }}{{ $store.existingSecret }}
{{- else if $store.dsn }}{{ include "modelspan.name" . }}-store
{{- else }}{{ fail "say where the ClickHouse server is: store.dsn, or store.existingSecret with the key `dsn`" }}
{{- end }}
{{- end }}

{{/* What every pod is: the profile "restricted" of the pod security standards, and a read-only root. */}}
{{- define "modelspan.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "modelspan.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Probes by the port `web`. */}}
{{- define "modelspan.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: web{{ with .scheme }}, scheme: {{ . }}{{ end }}}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: web{{ with .scheme }}, scheme: {{ . }}{{ end }}}
  periodSeconds: 15
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: /readyz, port: web{{ with .scheme }}, scheme: {{ . }}{{ end }}}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{/* Where pods of a part go. */}}
{{- define "modelspan.placing" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
