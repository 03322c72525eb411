"""The system calls generated code has no business with, as a seccomp filter (libseccomp through pyseccomp).

Namespaces hide the network and other processes; this closes what they leave: address families that no network
namespace covers (AF_VSOCK reaches the hypervisor), new namespaces, and kernel interfaces with a bad record.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

DENIED = """
acct add_key bpf chroot delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick
init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load
kexec_load keyctl lookup_dcookie mount mount_setattr move_mount move_pages name_to_handle_at
open_by_handle_at open_tree perf_event_open personality pidfd_getfd pivot_root process_vm_readv
process_vm_writev ptrace quotactl reboot request_key setns swapoff swapon syslog umount2 unshare
userfaultfd vhangup
"""

DENIED_ALONE = """
tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal shmget shmat msgget semget mq_open
"""
SIGNALLING = (8, 10, 15)
"""fcntl's F_SETOWN, F_SETSIG and F_SETOWN_EX: they have the kernel send signals in the caller's name."""
TERMINAL = (0x5412, 0x541C)
"""ioctl's TIOCSTI and TIOCLINUX: they type into the terminal of whoever started the program."""

NEW_NAMESPACES = 0x7E020080
"""All CLONE_NEW* flags: user, pid, net, ipc, uts, mount, cgroup, time."""


def build(*, sockets: bool, alone: bool = False) -> Any:
    """A filter that refuses DENIED with EPERM; not yet loaded.

    ``sockets``: allow AF_UNIX (needed by some libraries, harmless in an own network namespace).
    ``alone``: for confinement without namespaces. The calling process may then signal nobody but itself, in no
    roundabout way either, and shares no memory with strangers.
    Raises ImportError or OSError where libseccomp is missing.
    """
    import pyseccomp as seccomp

    refuse = seccomp.ERRNO(errno.EPERM)
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in DENIED.split():
        if known(seccomp, name):
            rules.add_rule(refuse, name)
    if sockets:
        rules.add_rule(refuse, "socket", seccomp.Arg(0, seccomp.NE, int(socket.AF_UNIX)))
    else:
        rules.add_rule(refuse, "socket")
    flag = 1
    while flag <= 0x40000000:
        if flag & NEW_NAMESPACES:
            rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
        flag <<= 1
    # clone3 passes its flags in memory, where a filter cannot look; without it libc falls back to clone
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    for request in TERMINAL:
        rules.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.EQ, request))
    if alone:
        _without_namespaces(seccomp, rules, refuse)
    return rules


def _without_namespaces(seccomp: Any, rules: Any, refuse: Any) -> None:
    for name in ("kill", "tgkill"):
        rules.add_rule(refuse, name, seccomp.Arg(0, seccomp.NE, os.getpid()))
    # lowering another process's limits can end it too
    rules.add_rule(refuse, "prlimit64", seccomp.Arg(0, seccomp.NE, 0))
    for command in SIGNALLING:
        rules.add_rule(refuse, "fcntl", seccomp.Arg(1, seccomp.EQ, command))
    for name in DENIED_ALONE.split():
        if known(seccomp, name):
            rules.add_rule(refuse, name)


def known(seccomp: Any, name: str) -> bool:
    """Whether this libseccomp has the call; an older one lacks the newest names."""
    try:
        return int(seccomp.resolve_syscall(seccomp.system_arch(), name)) >= 0
    except (ValueError, OSError):
        return False


def program(*, sockets: bool) -> int | None:
    """The filter as BPF in an anonymous file, ready to be inherited; None where libseccomp is missing."""
    try:
        rules = build(sockets=sockets)
    except (ImportError, OSError, RuntimeError):
        return None
    fd = os.memfd_create("expand-seccomp", 0)
    with os.fdopen(os.dup(fd), "wb") as stream:
        rules.export_bpf(stream)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
