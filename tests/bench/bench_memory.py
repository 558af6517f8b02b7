#!/usr/bin/python3
"""The memory of the backend while it sends: supervisor, worker and what they start, together. The
server stalls the client now and then, and at the end of the data, and looks at it.
usage: bench_memory.py BUILD"""
import measure
import material
import sink

SIZES = (1, 25, 100)  # MiB
STALL_EVERY = 5 * material.MIB
MOST = 24  # MB together
GROWTH = 1  # MB between the smallest and the largest document


def send(server, job, filtered):
    """Sends one job; gives the largest sums in MB: together, and of the largest process alone."""
    sent = len(server.messages)
    arguments, environment, stdin = job.call(filtered)
    run = measure.Run(arguments, environment, stdin, job.folder)
    watch = measure.Watch(run.process.pid)
    next_stall = 0

    def stall(total):
        nonlocal next_stall
        if total >= next_stall:
            next_stall = total + STALL_EVERY
            watch.look()

    server.on_bytes, server.on_end = stall, lambda total: watch.look()
    try:
        run.wait()
    finally:
        watch.stop()
    if len(server.messages) != sent + 1:
        raise measure.Unmeasured("the backend sent no message")
    if sink.attachment_digest(server.messages[-1]) != job.digest:
        raise measure.Unmeasured("the backend sent another document")
    server.messages[-1].write_bytes(b"")
    return watch.together / measure.MB, max(watch.alone.values()) / measure.MB


def bench(build, folder):
    server = sink.Sink(folder)
    settings = material.write_settings(folder, server)
    backend = measure.program(build, "mailto")
    report = measure.Report("memory: peak of the backend's processes while they send one PDF")
    for filtered, way in ((False, "raw queue"), (True, "behind filters")):
        together = []
        for size in SIZES:
            pdf = folder / f"{size}.pdf"
            material.make_pdf(pdf, size * material.MIB)
            job = material.Job(backend, folder, settings, pdf)
            job.digest = sink.file_digest(pdf)
            sum_of_all, largest = send(server, job, filtered)
            together.append(sum_of_all)
            report.figure(f"{way}, {size} MiB: all together", sum_of_all, "MB", MOST)
            report.figure(f"{way}, {size} MiB: largest process", largest, "MB")
        growth = together[-1] - together[0]
        report.figure(f"{way}: 100 MiB over 1 MiB", growth, "MB", GROWTH)


if __name__ == "__main__":
    measure.main(bench)
