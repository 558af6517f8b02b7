#!/usr/bin/python3 -IS
"""Runs a program and kills it at one system call of one of its processes, by ptrace(2).

usage: kill_at.py PROCESS CALL HOW COUNTS PROGRAM [ARGUMENT…]

PROCESS 0 is the program, 1 the first process that it makes, and so on (a thread counts as
one); CALL is the number of the system call that it is about to make, from 1. It is never
made. A call that is never reached leaves the program alone. HOW:

    alone   this process dies: the out-of-memory killer, a crash
    all     all of them die in the same moment: the machine's end, its disk unharmed
    FILE    as all, and this file, which is only appended to, loses what no fsync() had
            brought to the disk: the machine's end by power loss, at its worst

COUNTS is a file that gets the number of calls of each process, a line each, the killed one
marked by "killed". Ends as the program did, with 137, or where ptrace(2) is forbidden with 126.
"""
import ctypes
import os
import platform
import signal
import struct
import sys

TRACEME, SETOPTIONS, SYSCALL, GET_SYSCALL_INFO = 0, 0x4200, 24, 0x420E
# Its forks and clones are followed, system calls told apart from SIGTRAP, and nothing
# outlives this process: PTRACE_O_TRACESYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL.
OPTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
ENTRY, EXIT = 1, 2
CALL_STOP = signal.SIGTRAP | 0x80
ALL_KINDS = 0x40000000  # __WALL
INFO = struct.Struct("=BxxxIQQQQ")  # operation, machine, two registers, number or result, argument
# The numbers of fsync and fdatasync.
SYNCS = {"x86_64": (74, 75), "aarch64": (82, 83)}
KILLED, FORBIDDEN = 137, 126

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
info_buffer = ctypes.create_string_buffer(128)


def ptrace(request, task, address=0, data=0):
    """False where the task has died meanwhile, which a kill from anywhere can do."""
    return libc.ptrace(request, task, address, data) >= 0


class Disk:
    """What would be left of a file after a power loss. It may have had another name when its
    content was brought to the disk; its own name is there once its folder has been."""

    def __init__(self, path):
        self.path = os.path.realpath(path)
        self.folder = os.path.dirname(self.path)
        self.sizes, self.named = {}, os.path.exists(self.path)
        if self.named:  # what stood there before is on the disk
            self._see(os.stat(self.path))

    def _see(self, state):
        self.sizes[state.st_ino] = state.st_size

    def synced(self, task, descriptor):
        path = f"/proc/{task}/fd/{descriptor}"
        if os.readlink(path) == self.folder:
            self.named = os.path.exists(self.path)
        else:
            self._see(os.stat(path))

    def lose(self):
        if self.named:
            os.truncate(self.path, self.sizes.get(os.stat(self.path).st_ino, 0))
        elif os.path.exists(self.path):
            os.unlink(self.path)


class Task:
    def __init__(self, index):
        self.index, self.calls = index, 0
        self.number = self.argument = 0  # of the call that it is in


class Tracer:
    def __init__(self, process, call, how):
        self.process, self.call, self.how = process, call, how
        self.disk = None if how in ("alone", "all") else Disk(how)
        self.syncs = SYNCS[platform.machine()] if self.disk else ()
        self.tasks, self.counts = {}, []
        self.killed = False

    def run(self, program):
        """Runs the program to its end; returns the exit code."""
        first = os.fork()
        if first == 0:
            if ptrace(TRACEME, 0):
                os.execv(program[0], program)
            os._exit(FORBIDDEN)
        if not os.WIFSTOPPED(os.waitpid(first, 0)[1]):  # behind its execve
            return FORBIDDEN
        ptrace(SETOPTIONS, first, 0, OPTIONS)
        self._adopt(first)
        ptrace(SYSCALL, first)
        code = KILLED
        while self.tasks:
            task, status = os.waitpid(-1, ALL_KINDS)
            if not os.WIFSTOPPED(status):
                self._bury(task)
                if task == first:
                    code = os.waitstatus_to_exitcode(status)
            elif task in self.tasks or self._adopt(task):
                self._handle(task, status)
        if self.killed and self.disk:
            self.disk.lose()
        return code if code >= 0 else 128 - code

    def _adopt(self, task):
        """A new process. The signal that it stops with is ptrace's own."""
        self.tasks[task] = Task(len(self.counts))
        self.counts.append(0)
        return True

    def _bury(self, task):
        gone = self.tasks.pop(task, None)
        if gone:
            self.counts[gone.index] = gone.calls

    def _handle(self, task, status):
        deliver, stop = 0, os.WSTOPSIG(status)
        if stop == CALL_STOP:
            self._see_call(task, self.tasks[task])
        elif status >> 16 == 0 and stop != signal.SIGSTOP:
            deliver = stop
        ptrace(SYSCALL, task, 0, deliver)

    def _see_call(self, task, state):
        if not ptrace(GET_SYSCALL_INFO, task, len(info_buffer),
                      ctypes.addressof(info_buffer)):
            return
        kind, _, _, _, value, argument = INFO.unpack_from(info_buffer)
        if kind == ENTRY:
            state.calls += 1
            state.number, state.argument = value, argument
            if (state.index, state.calls) == (self.process, self.call):
                self._kill(task)
        elif kind == EXIT and value == 0 and state.number in self.syncs:
            self.disk.synced(task, state.argument)

    def _kill(self, task):
        self.killed = True
        for each in [task] if self.how == "alone" else list(self.tasks):
            os.kill(each, signal.SIGKILL)


def main():
    process, call, how, counts, *program = sys.argv[1:]
    tracer = Tracer(int(process), int(call), how)
    code = tracer.run(program)
    with open(counts, "w", encoding="ascii") as out:
        for index, number in enumerate(tracer.counts):
            mark = " killed" if tracer.killed and index == tracer.process else ""
            out.write(f"{number}{mark}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
