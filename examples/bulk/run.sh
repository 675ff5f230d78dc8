#!/bin/sh
# Four clusters, one OpenSSH server on loopback: export, merge, import, new CTLs. Needs root, for sshd's chroot, and the
# built program (npm run build). Everything lies in one temporary folder, which stays for a look around.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
pki() { node "$here/dist/main.js" "$@"; }
world=$(mktemp -d /run/tftp-pki-bulk-XXXXXX)
port=${PORT:-2022}
chmod 755 "$world"
mkdir -p "$world/chroot/share" /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$world/host"
ssh-keygen -q -t ed25519 -N '' -f "$world/user"
cp "$world/user.pub" "$world/authorized"
cat > "$world/sshd_config" <<EOF
ListenAddress 127.0.0.1:$port
HostKey $world/host
PidFile $world/sshd.pid
AuthorizedKeysFile $world/authorized
PermitRootLogin prohibit-password
StrictModes no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
ChrootDirectory $world/chroot
EOF
/usr/sbin/sshd -f "$world/sshd_config"
trap 'kill "$(cat "$world/sshd.pid")"' EXIT

pin=$(ssh-keygen -l -f "$world/host.pub" | cut -d' ' -f2)
share=sftp://root@127.0.0.1:$port/share
ssh="--host-key $pin --identity $world/user"

for cluster in hub alpha beta gamma; do
  mode=mixed
  [ $cluster = gamma ] && mode=nonsecure
  pki init --cluster $cluster --node $cluster-tftp.example --mode $mode --data "$world/$cluster"
  pki export-bulk --to "$share" $ssh --json --data "$world/$cluster" > "$world/$cluster.json"
done
told() { grep -o 'SHA256:[0-9a-f]*' "$world/$1.json" | head -n 1; }

pki consolidate-bulk --at "$share" $ssh --data "$world/hub" \
  --accept alpha="$(told alpha)" --accept beta="$(told beta)" --accept gamma="$(told gamma)"
for cluster in alpha beta gamma; do
  pki import-bulk --from "$share" $ssh --purpose proxy --cluster hub --accept hub="$(told hub)" --data "$world/$cluster"
  pki import-bulk --from "$share" --purpose proxy --apply --yes --data "$world/$cluster" > /dev/null
done
for cluster in alpha beta; do
  pki status --data "$world/$cluster" > /dev/null
  pki update-ctl --yes --data "$world/$cluster"
done
echo "the clusters lie in $world"
