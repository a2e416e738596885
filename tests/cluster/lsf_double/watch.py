"""When a running job gets a signal: limits, warnings, orders of bkill."""

import contextlib
import signal
import time

import psutil

from tests.cluster.lsf_double.home import Home, Record
from tests.cluster.lsf_double.sampling import descendants

TERMINATE = "TERMINATE"


class Watch:
    """Sends what is due to all processes of the job, as LSF does."""

    def __init__(self, job: str, request: Record, home: Home) -> None:
        """Plan what is known at the start: the warning and the run limit."""
        self.reason: str | None = None
        self._job, self._home = job, home
        self._limit_mb = request["limit_mb"]
        self._orders_seen = len(home.orders(job))
        self._due: list[tuple[float, signal.Signals, str | None]] = []
        if request["run_limit_min"]:
            self._plan_run_limit(request["run_limit_min"], request["warning"])

    def _plan_run_limit(self, limit_min: int, warning: list | None) -> None:
        minute = self._home.settings.seconds_per_minute
        limit_s = limit_min * minute
        if warning:
            name, before_min = warning
            self._plan(limit_s - before_min * minute, signal.Signals[f"SIG{name}"])
        self._plan(limit_s, signal.SIGUSR2, "TERM_RUNLIMIT")
        self._plan_kill(limit_s + self._home.settings.grace_s, "TERM_RUNLIMIT")

    def _plan(
        self, after_s: float, number: signal.Signals, reason: str | None = None
    ) -> None:
        self._due.append((time.monotonic() + after_s, number, reason))

    def _plan_kill(self, after_s: float, reason: str | None) -> None:
        interval = self._home.settings.terminate_interval_s
        steps = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
        for step, number in enumerate(steps):
            self._plan(after_s + step * interval, number, reason)

    def act(self, used_mb: float) -> None:
        """Send what is due now."""
        if self._limit_mb and used_mb > self._limit_mb:
            self._plan(0, signal.SIGKILL, "TERM_MEMLIMIT")
        for order in self._new_orders():
            if order == TERMINATE:
                self._plan_kill(0, "TERM_OWNER")
            else:
                self._plan(0, signal.Signals[f"SIG{order}"])
        now = time.monotonic()
        due = sorted(item for item in self._due if item[0] <= now)
        self._due = [item for item in self._due if item[0] > now]
        for _, number, reason in due:
            self.reason = self.reason or reason
            self.send(number)

    def _new_orders(self) -> list[str]:
        orders = self._home.orders(self._job)
        new = orders[self._orders_seen :]
        self._orders_seen = len(orders)
        return new

    def told_to_end(self) -> None:
        """Pass on SLURM's own wish that the job end."""
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the job."""
        for process in descendants():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
