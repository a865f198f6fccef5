# shellcheck shell=sh
# Turns a fresh Debian tree into the lab's base image. Run by mmdebstrap on this computer: sh -eu image-finish.sh ROOT
# In the environment: WORK (holds archive.asc, receives sources.list) and PACKAGES (where the .deb files go).
root=$1

# A machine draws its own identity: two machines with one machine-id or one host key would be one machine to an auditor.
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root"/etc/ssh/ssh_host_*_key* "$root/etc/hostname" "$root/etc/resolv.conf"

# First boot would ask questions on a console that nobody watches.
ln -sf /dev/null "$root/etc/systemd/system/systemd-firstboot.service"

# These wake up at boot or at night on ten machines at once, on a laptop's two cores, for nothing a lab has: mirrors on
# the internet (apt), ext4 snapshots (e2scrub), disks to trim (fstrim). Disabled, not masked: a control may enable one.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    dpkg-db-backup.timer; do
    find "$root/etc/systemd/system" -name "$unit" -path '*.wants/*' -delete
done

# Sources are the town's to declare (kind apt_source); the only archive key added is the town's own.
cat "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*.list > "$WORK/sources.list" 2>/dev/null || :
rm -f "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/* "$root/etc/apt/apt.conf.d/99mmdebstrap" \
    "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
install -m 0644 "$WORK/archive.asc" "$root/usr/share/keyrings/town-archive-keyring.asc"

# The town's mirror serves what its machines are made of too: a package removed by mistake can come back.
mkdir -p "$PACKAGES"
find "$root/var/cache/apt/archives" -name '*.deb' -exec mv -f -t "$PACKAGES" {} +
