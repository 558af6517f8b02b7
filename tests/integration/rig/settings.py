"""Writes a postroom.conf, and the secret beside it, for a fake server."""
from pathlib import Path

USER = "scanner@example.com"
# Looks like an app password and is nobody's. Tests search for it where it must not be.
PASSWORD = "qzkxvwjhytrbnmlp"
WORKER = "nobody"  # stands for `postroom`: it exists everywhere
PER_MINUTE = 6000  # the real limit would slow down a test file that prints a lot


def _section(head, values):
    lines = [f"{key} = {value}" for key, value in values.items() if value is not None]
    return "\n".join([f"[{head}]", *lines, ""])


def write(folder, server, **sections):
    """Writes folder/postroom.conf for an account on the server (port and ca_file are taken
    from it) and returns its path. A section given as a dictionary is laid over the default:
    postroom, account, policy, users, addresses; None takes a key out. `more` is text that is
    appended."""
    folder = Path(folder)
    secrets, state = folder / "secrets", folder / "state"
    for path, mode in ((folder, 0o755), (secrets, 0o700), (state, 0o755)):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    secret = secrets / "office365"
    secret.touch(mode=0o600)
    secret.chmod(0o600)
    secret.write_text(PASSWORD + "\n")
    defaults = {
        "postroom": {"state_dir": state, "user": WORKER, "retry_after": "1s",
                     "log_file": folder / "log"},
        "account": {"server": f"localhost:{server.port}", "tls": "starttls",
                    "ca_file": server.ca_file, "auth": "password", "username": USER,
                    "password_file": secret, "from": f"Office Scanner <{USER}>",
                    "max_per_minute": PER_MINUTE},
        "policy": {}, "users": {}, "addresses": {},
    }
    heads = {"account": "account office365"}
    text = [_section(heads.get(name, name), {**values, **sections.get(name, {})})
            for name, values in defaults.items()]
    path = folder / "postroom.conf"
    path.touch(mode=0o644)
    path.write_text("\n".join([*text, sections.get("more", "")]))
    path.chmod(0o644)
    return path


def secret_of(path):
    """The secret's path for a settings file that write() made."""
    return Path(path).parent / "secrets" / "office365"


def state_of(path):
    """The state folder for a settings file that write() made."""
    return Path(path).parent / "state"
