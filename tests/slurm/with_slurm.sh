#!/usr/bin/env bash
# Runs a command beside a Slurm of this machine's own: two processors, one queue, all files in a scratch folder.
#   tests/slurm/with_slurm.sh sbatch --wrap hostname
set -euo pipefail

export PATH=$PATH:/usr/sbin:/sbin
for program in munged slurmctld slurmd; do
  if ! command -v "$program" > /dev/null; then
    echo "Slurm tests skipped: no $program here (apt-get install slurm-wlm munge)"
    exit 0
  fi
done
if [ "$(id -u)" != 0 ]; then
  echo "Slurm tests skipped: starting Slurm takes root"
  exit 0
fi

folder=$(mktemp -d)
node=$(hostname -s)
stop() {
  scancel --me 2> /dev/null || true # what is left of jobs would outlive slurmd
  for _ in $(seq 40); do
    [ -z "$(squeue --noheader 2> /dev/null)" ] && break
    sleep 0.5
  done
  for program in slurmd slurmctld munged; do
    if [ -s "$folder/$program.pid" ]; then
      pid=$(cat "$folder/$program.pid")
      kill "$pid" 2> /dev/null || true
      timeout 10 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
    fi
  done
  rm -rf "$folder"
}
trap stop EXIT

head -c 1024 /dev/urandom > "$folder/munge.key"
chmod 400 "$folder/munge.key"
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
  --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"

cat > "$folder/slurm.conf" << END
ClusterName=local
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000
PartitionName=debug Nodes=$node Default=YES MaxTime=INFINITE
END
export SLURM_CONF=$folder/slurm.conf NTT_TEST_SLURM=1
slurmctld
slurmd -N "$node"
for _ in $(seq 60); do
  [ "$(sinfo --noheader --format=%t 2> /dev/null)" = idle ] && break
  sleep 0.5
done
if [ "$(sinfo --noheader --format=%t)" != idle ]; then
  echo "Slurm did not start:"
  tail -n 20 "$folder"/*.log
  exit 1
fi
"$@"
