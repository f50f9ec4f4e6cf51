"""The job in Kubernetes: a CronJob for one home, and one whose pods divide an organisation's users."""

from __future__ import annotations

_CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: @NAME@
spec:
  accessModes: [@MODE@]
  resources:
    requests:
      storage: @SIZE@
---
"""

_CRONJOB = """\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: @NAME@
spec:
  schedule: "@SCHEDULE@"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  # Without it, a hundred missed starts end the schedule for good.
  startingDeadlineSeconds: 600
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
@JOB@
      activeDeadlineSeconds: @SECONDS@
      template:
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            runAsGroup: 10001
            fsGroup: 10001
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: calendar-sync
              image: calendar-sync:local
@RUN@
              resources:
                requests: {cpu: 50m, memory: 128Mi}
                limits: {memory: 1Gi}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - {name: home, mountPath: /data}
                - {name: lent, mountPath: /run/secrets/calendar-sync, readOnly: true}
@MOUNTS@
                - {name: tmp, mountPath: /tmp}
          volumes:
            - name: home
              persistentVolumeClaim:
                claimName: @NAME@
            - name: lent
              secret:
                secretName: @NAME@
@VOLUMES@
            - name: tmp
              emptyDir: {}
"""

_ONE_HOME = """\
# kubectl create secret generic calendar-sync --from-file=client_secrets.json --from-file=token.json
# kubectl apply -f cronjob.yaml
#
# The image is built from cron/Dockerfile. The home is on a volume: the mirror in it is what makes a
# run short, and the grant there is the one that is kept up to date.
"""

_MANY_USERS = """\
# kubectl create secret generic calendar-sync-acme --from-file=key.json
# kubectl apply -f organisation.yaml
#
# Four pods read an organisation's users: an Indexed Job, each index a share of its own, always the
# same. All see one volume, because another number of pods means other shares. Where a file system
# for many (ReadWriteMany) is not to be had, one node with ReadWriteOnce does as well.
# completions, parallelism and JOB_COMPLETION_COUNT are one number; Kubernetes tells only the index.
"""

_CONFIGURATION = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: calendar-sync-acme
data:
  calendar-sync.toml: |
    allow_open_modes = true  # Kubernetes lends the key with a mode of its own
    deadline = "50m"

    [[account]]
    name = "acme"
    service_account = "/run/secrets/calendar-sync/key.json"
    users = "directory"
    subject = "admin@acme.example"
---
"""


def _filled(text: str, **words: str) -> str:
    for name, word in words.items():
        text = text.replace(f"@{name}@\n" if not word else f"@{name}@", word)
    return text


ONE_HOME = _ONE_HOME + _filled(
    _CLAIM + _CRONJOB,
    NAME="calendar-sync",
    MODE="ReadWriteOnce",
    SIZE="1Gi",
    SCHEDULE="*/15 * * * *",
    JOB="      backoffLimit: 0",
    SECONDS="7200",
    RUN="""\
              command: ["/bin/sh", "/opt/calendar-sync/run.sh"]
              env:
                - name: CREDENTIALS_DIRECTORY
                  value: /run/secrets/calendar-sync""",
    MOUNTS="",
    VOLUMES="",
)

MANY_USERS = _MANY_USERS + _filled(
    _CONFIGURATION + _CLAIM + _CRONJOB,
    NAME="calendar-sync-acme",
    MODE="ReadWriteMany",
    SIZE="100Gi",
    SCHEDULE="23 * * * *",
    JOB="""\
      completionMode: Indexed
      completions: 4
      parallelism: 4
      backoffLimitPerIndex: 1""",
    SECONDS="3600",
    RUN="""\
              args: [--config, /etc/calendar-sync/calendar-sync.toml, export, --quiet]
              env:
                - name: JOB_COMPLETION_COUNT
                  value: "4\"""",
    MOUNTS="                - {name: configuration, mountPath: /etc/calendar-sync, readOnly: true}",
    VOLUMES="""\
            - name: configuration
              configMap:
                name: calendar-sync-acme""",
)
