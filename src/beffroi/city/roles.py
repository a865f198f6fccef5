"""The roles of machines that the program itself knows: what a town writes in `roles`, each named once."""

from __future__ import annotations

BASTION_ROLE = "bastion"
MIRROR_ROLE = "package-mirror"
AUTHORITY_ROLE = "certificate-authority"
BACKUP_ROLE = "backup"
COLLECTOR_ROLE = "log-collector"
