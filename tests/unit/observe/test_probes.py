import pytest

from beffroi.observe.probes import Probe, probe
from beffroi.observe.words import Elevated, Simple, elevated, pipeline

LASTING = """\
uname -s
stat -Lc %a /etc/passwd
test -e '/a b'
cat -- /etc/os-release
command -v ls
id root
dpkg-query -f '${Status}' -W bash
rpm -q --quiet bash 2>&1
systemctl is-enabled ssh
find /etc -name x
getent group x | cut -d':' -f3
md5sum /x | cut -d' ' -f1
systemctl list-unit-files | grep -q "^ssh"
/usr/sbin/sysctl -n a.b
sudo /bin/sh -c 'cat /etc/shadow'
sudo -n -u root /bin/sh -c 'id -u'
sort /x
""".splitlines()
PASSING = """\
date +%s
ss -ltn
ps aux
systemctl is-active ssh
systemctl show ssh
cat /proc/mounts
ip -j addr
test -e /run/x.pid
cat /sys/class/net/lo/speed
nft list ruleset
cat /etc/x | grep x /proc/uptime
""".splitlines()
NONE = """\
rm x
cat x > y
cat x >> y
cat x | tee y
cat a; rm b
cat a && rm b
cat a || rm b
cat a & rm b
cat a |& rm b
$(rm x)
cat $(rm x)
cat `rm x`
cat ${x:=y}
cat "$x"
cat <(rm x)
cat < x
X=1 cat y
cat *
cat ~
cat {a,b}
cat x # y
cat 'a
cat "a
./cat x
/tmp/cat x
command rm x
command -p rm x
env rm x
xargs rm
cat x | xargs rm
systemctl start x
systemctl -p show start x
systemctl -H other is-enabled x
systemctl --h=o is-active x
systemctl --wait is-system-running
systemctl is-system-running --wait
sysctl -w a=b
sysctl a=b
sysctl -p
find / -delete
find / -exec rm x
sort -o x y
sort --out=x y
sort -uo x y
uniq a b
date -s x
date 01010000
hostname x
ip link set lo down
ip -b x addr
ip netns add x
ss -K
ss --kil
nft -f x
nft -f x list
nft --file=x list
nft flush ruleset
dpkg -i x
dpkg -l --pre-invoke=x
rpm -e x
rpm -q --pipe x y
rpm -q --define x y
apt-cache -o x policy
apt-cache policy -o x
crontab -r
crontab x
tail -f x
tail --fol x
cat /dev/zero
cat /etc/../dev/zero
cat /proc/kmsg
cat /proc/self/fd/0
sshd
sudo /bin/sh -c 'rm x'
sudo -u x /bin/sh -c 'cat $x'
sudo /bin/sh -c cat x
sudo rm x
sudo -i
free -s 1
auditctl -D
auditctl -l -D
visudo -f x
chronyc -n makestep
chronyc makestep
ssh-keygen -l
cat x 2> y
sshd
visudo
visudo -q
crontab
openssl
""".splitlines()
ODD = ("", " ", "cat a\nrm b", "cat \\x", "cat 'a\nb'")


@pytest.mark.parametrize("command", LASTING)
def test_a_command_that_reads_what_lasts_is_a_probe(command: str) -> None:
    assert probe(command) is Probe.LASTING


@pytest.mark.parametrize("command", PASSING)
def test_a_command_that_reads_what_passes_is_one_too(command: str) -> None:
    assert probe(command) is Probe.PASSING


@pytest.mark.parametrize("command", [*NONE, *ODD])
def test_whatever_may_act_or_may_not_end_is_none(command: str) -> None:
    assert probe(command) is Probe.NONE


def test_words_are_read_as_a_shell_reads_them() -> None:
    command = """grep -q 'a b'"c"d /x | cut -d':' -f1 2>/dev/null"""
    assert pipeline(command) == (
        Simple(("grep", "-q", "a bcd", "/x")),
        Simple(("cut", "-d:", "-f1"), bare=False),
    )


def test_sudo_is_told_from_what_it_runs() -> None:
    assert elevated("sudo -n -u www-data /bin/sh -c 'cat x'") == Elevated("cat x", "sudo -n -u www-data")
    assert elevated("cat x") == Elevated("cat x")


@pytest.mark.parametrize(
    "command",
    [
        "sudo /bin/sh -c cat x",
        "sudo /bin/sh -c 'a' b",
        'sudo /bin/sh -c "$x"',
        "sudo /bin/sh -c 'a'; b",
        "sudo /bin/sh -c 'a",
    ],
)
def test_sudo_in_other_words_than_testinfras_is_left_as_it_is(command: str) -> None:
    assert elevated(command) == Elevated(command)
