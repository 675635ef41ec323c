"""Who may log in to an embedded server: the operating system user that it belongs to, over its socket, and no other."""

import os
import pwd

from service.postgres.folder import PostgresFolder
from service.postgres.identity import Identity, has_name

#: The name that the map of users has.
MAP = "daybook"
#: The roles that Daybook logs in as: the owner of everything, and the service's own.
ROLES = ("postgres", "daybook_service")
#: From this version on a map can name all roles at once.
ALL_ROLES_MAJOR = 16


def write_rules(folder: PostgresFolder, identity: Identity, major: int) -> None:
    """Write the files that state whom the server lets in, anew for each start, instead of the data folder's own."""
    names = _names(identity)
    # Without a name the kernel's word cannot be used; the socket's folder is closed to others all the same.
    method = f"peer map={MAP}" if names else "trust"
    roles = ("all",) if major >= ALL_ROLES_MAJOR else ROLES
    users = [f'{MAP} "{name}" {role}' for name in names for role in roles]
    rules = [
        f"local all all {method}",
        f"local replication all {method}",
        "host all all all reject",
        "host replication all all reject",
    ]
    for path, lines in ((folder.rules, rules), (folder.users, users)):
        # Anew, since an earlier start may have given it to another user.
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n".join([*lines, ""]))
        identity.own(path)


def _names(identity: Identity) -> list[str]:
    """Our names as the server sees them: ours, and root's, who may do everything anyway."""
    if not has_name(identity.client_uid):
        return []
    # In a namespace everybody else, root included, looks like no user that the map could name.
    others = () if identity.way == "namespace" else (0,)
    return [pwd.getpwuid(uid).pw_name for uid in dict.fromkeys((identity.client_uid, *others)) if has_name(uid)]
