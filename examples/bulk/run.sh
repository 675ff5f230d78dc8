#!/bin/sh
# Four clusters and one OpenSSH server on loopback: export, merge, import, new CTLs; and a phone of alpha that refuses what
# the proxy signs before, and takes it afterwards. It needs root, for sshd's chroot, and the built program.
#
#   sh examples/bulk/run.sh [FOLDER]     FOLDER (default: var/bulk) must be new or empty; it stays for a look around
#
# PORT (2022) of the SSH server, TFTP_PORT (6969) and HTTP_PORT (6970) of alpha. The command: TFTP_PKI (default: npx tftp-pki).
set -eu
work=${1:-var/bulk}
port=${PORT:-2022} tftp=${TFTP_PORT:-6969} http=${HTTP_PORT:-6970}
mkdir -p "$work" /run/sshd
work=$(cd "$work" && pwd)
# sshd takes no chroot below a folder that anybody else may write to.
chroot=$(mktemp -d /run/tftp-pki-bulk-XXXXXX)
chmod 755 "$chroot"
mkdir "$chroot/share"
serving=
end() {
  kill "$(cat "$work/sshd.pid")" $serving 2>/dev/null || :
  cp -r "$chroot/share" "$work/" && rm -r "$chroot"
}
trap end EXIT
trap 'exit 1' INT TERM

pki() { ${TFTP_PKI:-npx tftp-pki} "$@"; }
say() { printf '\n== %s\n' "$*"; }

ssh-keygen -q -t ed25519 -N '' -f "$work/host"
ssh-keygen -q -t ed25519 -N '' -f "$work/user"
cat > "$work/sshd_config" <<EOF
ListenAddress 127.0.0.1:$port
HostKey $work/host
PidFile $work/sshd.pid
AuthorizedKeysFile $work/user.pub
PermitRootLogin prohibit-password
StrictModes no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
ChrootDirectory $chroot
EOF
/usr/sbin/sshd -f "$work/sshd_config"
share=sftp://root@127.0.0.1:$port/share
ssh="--host-key $(ssh-keygen -l -f "$work/host.pub" | cut -d' ' -f2) --identity $work/user"
told() { sed -n 's/.*signed by \(SHA256:[0-9a-f]*\)$/\1/p' "$work/$1.told"; }
ctl_of_alpha() { # FILE: as its phones fetch it
  ${TFTP_PKI:-npx tftp-pki} serve --tftp "127.0.0.1:$tftp" --http "127.0.0.1:$http" --data "$work/alpha" \
    > "$work/alpha.log" 2>&1 &
  serving=$!
  until pki get "127.0.0.1:$http" CTLFile.tlv --http -o "$1" > /dev/null 2>&1; do
    kill -0 $serving || { cat "$work/alpha.log" >&2; exit 1; }
    sleep 0.3
  done
  kill $serving
  wait $serving || :
  serving=
}

say 'Four clusters; each exports, and its people write down what it says'
for cluster in hub alpha beta gamma; do
  mode=mixed
  [ $cluster = gamma ] && mode=nonsecure
  pki init --cluster $cluster --node $cluster-tftp.example --mode $mode --data "$work/$cluster" 2> /dev/null
  pki export-bulk --to "$share" $ssh --data "$work/$cluster" > /dev/null 2> "$work/$cluster.told"
  grep 'signed by' "$work/$cluster.told"
done

say 'The hub is the proxy: a phone of alpha refuses its ring list'
echo '<CiscoIPPhoneRingList/>' > "$work/Ringlist.xml"
pki sign "$work/Ringlist.xml" -o "$work/Ringlist.xml.sgn" --data "$work/hub"
ctl_of_alpha "$work/before.tlv"
if pki verify "$work/Ringlist.xml.sgn" --as-phone --trust-list "$work/before.tlv"; then exit 1; fi

say 'One cluster merges: what nobody accepted is left out'
if pki consolidate-bulk --at "$share" $ssh --data "$work/hub"; then exit 1; fi

say 'With what the others said on the telephone'
pki consolidate-bulk --at "$share" $ssh --data "$work/hub" \
  --accept alpha="$(told alpha)" --accept beta="$(told beta)" --accept gamma="$(told gamma)"

say 'Alpha looks'
pki import-bulk --from "$share" $ssh --purpose proxy --cluster hub --accept hub="$(told hub)" --data "$work/alpha"

say 'And takes over what it was shown'
pki import-bulk --from "$share" --purpose proxy --apply --yes --data "$work/alpha" > /dev/null
for cluster in beta gamma; do
  pki import-bulk --from "$share" $ssh --purpose proxy --cluster hub --accept hub="$(told hub)" --data "$work/$cluster" \
    > /dev/null 2>&1
  pki import-bulk --from "$share" --purpose proxy --apply --yes --data "$work/$cluster" > /dev/null
done

say 'Its CTL is out of date'
pki status --data "$work/alpha" > /dev/null

say 'New CTLs'
for cluster in alpha beta; do
  pki update-ctl --yes --data "$work/$cluster"
done

say 'The same phone takes the same ring list'
ctl_of_alpha "$work/after.tlv"
pki verify "$work/Ringlist.xml.sgn" --as-phone --trust-list "$work/after.tlv"
say "Done. All of it lies in $work"
