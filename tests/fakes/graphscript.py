"""A script of graph.py, which tells what one means."""
from copy import deepcopy

STEPS = ("sendmail", "search", "get", "create", "list", "attach", "session", "put", "where",
         "send", "delete")
WORDS = ("close", "reset", "effect-then-close", "effect-then-hang", "half", "forget", "wait",
         "hang")


class Script:
    """The script, and how often each step has been reached."""

    DEFAULTS = {"certificate": "good", "user": "scanner@example.com", "tokens": ["token"],
                "may": ["send", "drafts"], "request_max": 4 << 20, "oversize": 413,
                "message_max": 0, "session_min": 3 << 20, "range_max": 4_000_000,
                "concurrent": 4, "keep": True, "mailbox": [], "faults": {}}

    def __init__(self, script):
        unknown = set(script) - set(self.DEFAULTS)
        unknown |= set(script.get("faults", {})) - set(STEPS)
        if unknown:
            raise ValueError(f"the script names what does not exist: {sorted(unknown)}")
        for name, default in self.DEFAULTS.items():
            value = script.get(name, default)
            # a judge of tokens is asked, not copied
            setattr(self, name, deepcopy(value) if isinstance(value, (dict, list)) else value)
        for value in self.faults.values():
            for action in value if isinstance(value, list) else [value]:
                self.parse(action)
        self.reached = dict.fromkeys(STEPS, 0)

    @staticmethod
    def parse(action):
        """An action as an object."""
        if isinstance(action, str) and action not in WORDS:
            status, _, error = action.partition(" ")
            return {"status": int(status), "error": error}
        return {"then": action} if isinstance(action, str) else action or {}

    def reach(self, step):
        """Counts the step and returns the action that is due; {}: none."""
        turn = self.reached[step]
        self.reached[step] += 1
        actions = self.faults.get(step)
        if isinstance(actions, list):
            actions = actions[turn] if turn < len(actions) else None
        return self.parse(actions)
